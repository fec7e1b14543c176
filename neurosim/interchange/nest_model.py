"""What a neuron model is in NEST's words, and the parts that several models share.

NEST counts milliseconds, millivolts and picoamperes. Numbers of potentials and currents are taken over as they are;
capacitances are chosen so that a current of one raises the potential by the model's resistance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.errors import UnsupportedError
from neurosim.interchange.engine_offsets import engine_offset
from neurosim.neurons.model import NeuronModel, refractory_steps
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Value

__all__ = [
    "NEVER",
    "NestModel",
    "capacitive_parameters",
    "check_options",
    "decayed_before",
    "initial_potential",
    "jumping",
    "membrane_parameters",
    "receptor_times",
    "refractory_ms",
    "resting",
    "synaptic",
    "threshold_of",
]

NEVER = 1e300
"""A threshold that is not reached."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NestModel:
    """A population's model in NEST.

    Attributes:
        name: NEST's model.
        parameters: of every neuron: numbers, or arrays of the population's shape.
        quiet: parameters until step 0, in which nothing may happen there yet.
        state: what is set at step 0.
        lead: steps by which an arrival has to come earlier than ours (see `neurosim.interchange.engine_offsets`).
        weights: for each receptor, what a weight is multiplied by.
        signs: for each receptor, the sign that weights must have, because NEST tells receptors apart by it; 0: any.
        ports: for each receptor, NEST's ``receptor_type``.
        initial: for each receptor, what has arrived when the run starts.
        recorded: our variable -> (names there, which are added; factor; steps by which theirs are recorded later).
        current: what an injected current is multiplied by.
    """

    name: str
    parameters: Mapping[str, Value]
    quiet: Mapping[str, Value]
    state: Mapping[str, Value]
    lead: int
    recorded: Mapping[str, tuple[tuple[str, ...], Value, int]]
    weights: tuple[Value, ...] = (1.0,)
    signs: tuple[int, ...] = (0,)
    ports: tuple[int, ...] = (0,)
    initial: tuple[Value, ...] = (0.0,)
    current: Value = 1.0


def check_options(model: NeuronModel, where: str) -> None:
    """Refuse what no NEST model does."""
    # NEST takes the others through an adaptive solver, or Euler steps
    exact = Discretisation.EXACT in model.DISCRETISATIONS
    refractory = np.any(np.asarray(getattr(model, "refractory", 0.0)) > 0)
    for name, option, refused in (
        ("discretisation", Discretisation.EULER, exact),
        ("reset", Reset.BY_SUBTRACTION, True),
        ("reset", Reset.NONE, True),
        ("reset_timing", ResetTiming.NEXT_STEP, True),
        ("refractory_input", RefractoryInput.KEEP, refractory),
        ("refractory_input", RefractoryInput.INTEGRATE, refractory),
    ):
        if refused and getattr(model, name, None) is option:
            raise UnsupportedError(
                f"NEST has no {name} {option.name}",
                where=where,
                value=type(model).__name__,
                remedy="Use the option's default, or backend='brian2'",
            )


def threshold_of(model: Any) -> Value:
    """The threshold for NEST's comparison v >= threshold."""
    if model.spike_when is SpikeWhen.EXCEEDED:
        above = np.nextafter(np.asarray(model.threshold, np.float64), np.inf)
        return above if above.ndim else float(above)
    threshold: Value = model.threshold
    return threshold


def refractory_ms(model: Any, dt: float) -> Value:
    """The refractory period in whole steps, in ms."""
    return refractory_steps(dt, model.refractory) * (dt * 1e3)


def initial_potential(model: Any) -> Value:
    initial: Value = model.v_rest if model.v_init is None else model.v_init
    return initial


def membrane_parameters(model: Any, dt: float) -> dict[str, Value]:
    """Parameters of the leaky membranes; resistance 1."""
    return {
        "tau_m": model.tau_membrane * 1e3,
        "C_m": model.tau_membrane * 1e3,
        "E_L": model.v_rest,
        "V_reset": model.v_reset,
        "V_th": threshold_of(model),
        "t_ref": refractory_ms(model, dt),
        "I_e": np.multiply(model.resistance, model.current),
    }


def resting(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Such that a membrane rests and does not spike."""
    rest = parameters["E_L"]
    return {"V_m": rest, "V_reset": np.minimum(rest, 0.0) - 1.0, "V_th": NEVER, "I_e": 0.0}


def jumping(model: Any, name: str = "iaf_psc_delta", **changes: Any) -> dict[str, Any]:
    """What models share whose potential jumps."""
    row = engine_offset("nest", type(model).__name__)
    return {"name": name, "lead": -row.delay, "recorded": {"v": (("V_m",), 1.0, row.potential)}, **changes}


def capacitive_parameters(model: Any, dt: float, where: str) -> dict[str, Value]:
    """Parameters of the leaky membranes with their capacitance, for currents and conductances."""
    if np.any(np.asarray(model.resistance) <= 0):
        raise UnsupportedError("NEST has positive capacitances only", where=where, value="resistance")
    return membrane_parameters(model, dt) | {
        "C_m": model.tau_membrane * 1e3 / model.resistance,
        "I_e": model.current,
    }


def synaptic(model: Any, name: str, **recorded: tuple[tuple[str, ...], Value]) -> dict[str, Any]:
    """What models share whose arrivals act on a current or conductance."""
    row = engine_offset("nest", type(model).__name__)
    assert row.synapse is not None
    named = {variable: (*what, row.synapse) for variable, what in recorded.items()}
    return {"name": name, "lead": -row.delay, "recorded": {"v": (("V_m",), 1.0, row.potential), **named}}


def decayed_before(initial: Value, dt: float, tau: Value) -> Value:
    """There the state before step 0 is that at its start, after the decay of the step before."""
    return initial * np.exp(-dt / np.asarray(tau))


def receptor_times(model: Any) -> dict[str, Value]:
    return {"tau_syn_ex": model.tau_excitatory * 1e3, "tau_syn_in": model.tau_inhibitory * 1e3}
