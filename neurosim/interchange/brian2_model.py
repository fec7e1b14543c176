"""What a neuron model is in Brian2's words, and the parts that several models share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.errors import UnsupportedError
from neurosim.neurons.model import decay_factor
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, SpikeWhen
from neurosim.parameters import Value

__all__ = [
    "Brian2Model",
    "check_distinct",
    "decayed_before",
    "held",
    "initial_potential",
    "joined",
    "membrane_parameters",
    "method_of",
    "numbers",
    "synapse_parameters",
    "threshold_and_reset",
    "threshold_parameters",
    "times",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class Brian2Model:
    """A population's model in Brian2.

    Attributes:
        equations: with a name ``injected`` for the current of drives, in the unit of ``current``.
        parameters: parameters and initial state, by their names there.
        method: Brian2's integration method.
        arrivals: for each receptor, the variable that a weight is added to (None: arrivals do nothing) and the slot of
            the step in which it is.
        threshold, reset: expression and statements; None: the model never spikes.
        recorded: our variable -> its name there, and whether it is read after the arrivals of the step ("current") or
            at its end ("end").
        injected: the unit of an injected current; None: the model takes none.
        before: statements at the start of every step.
        scale: what an injected current is multiplied by.
    """

    equations: str
    parameters: Mapping[str, Value]
    method: str
    arrivals: tuple[tuple[str | None, str], ...]
    threshold: str | None
    reset: str
    recorded: Mapping[str, tuple[str, str]]
    injected: str | None = "1"
    before: str = ""
    scale: Value = 1.0


def method_of(model: Any) -> str:
    return {
        Discretisation.EXACT: "exact",
        Discretisation.EULER: "euler",
        Discretisation.EXPONENTIAL_EULER: "exponential_euler",
    }[model.discretisation]


def numbers(**values: Value) -> tuple[str, dict[str, Value]]:
    """Declarations of numbers without unit, and their values."""
    return "".join(f"{name} : 1 (constant)\n" for name in values), values


def times(**values: Value) -> tuple[str, dict[str, Value]]:
    """Declarations of times, and their values in seconds."""
    return "".join(f"{name} : second (constant)\n" for name in values), values


def joined(*parts: tuple[str, dict[str, Value]]) -> tuple[str, dict[str, Value]]:
    return "".join(text for text, _ in parts), {k: v for _, values in parts for k, v in values.items()}


def threshold_and_reset(model: Any, threshold: str = "threshold") -> dict[str, str]:
    """Threshold and reset of the leaky membranes."""
    sign = ">" if model.spike_when is SpikeWhen.EXCEEDED else ">="
    after = {Reset.TO_VALUE: "v = v_reset", Reset.BY_SUBTRACTION: f"v -= {threshold}", Reset.NONE: ""}
    return {
        "threshold": f"v {sign} {threshold}",
        "reset": after[getattr(model, "reset", Reset.TO_VALUE)],
    }


def held(model: Any, *, arrivals_to_v: bool, where: str) -> tuple[str, str]:
    """What holds v while refractory: a flag of its equation, and a factor of its slope.

    The flag holds v and lets Brian2 drop what synapses add to it; for KEEP, v is held by its equation alone.
    """
    keep = getattr(model, "refractory_input", RefractoryInput.DROP)
    if not np.any(np.asarray(model.refractory) > 0) or keep is RefractoryInput.INTEGRATE:
        return "", ""
    if keep is RefractoryInput.DROP:
        return " (unless refractory)", ""
    if not arrivals_to_v:
        raise UnsupportedError(
            f"refractory_input KEEP of {type(model).__name__} is not translated to Brian2", where=where
        )
    return "", "int(not_refractory)*"


def check_distinct(model: Any, where: str, *names: str) -> None:
    """Refuse a synaptic time constant equal to that of the membrane."""
    for name in names:
        if method_of(model) == "exact" and np.any(
            np.isclose(model.tau_membrane, getattr(model, name), rtol=1e-6)
        ):
            raise UnsupportedError(
                f"Brian2's exact solution divides by tau_membrane - {name}",
                where=where,
                remedy="Make the time constants differ by more than 1e-6, or use Discretisation.EULER",
            )


def initial_potential(model: Any) -> Value:
    initial: Value = model.v_rest if model.v_init is None else model.v_init
    return initial


def membrane_parameters(model: Any) -> tuple[str, dict[str, Value]]:
    text, values = joined(
        numbers(v_rest=model.v_rest, drive=np.multiply(model.resistance, model.current)),
        times(tau=model.tau_membrane),
    )
    return text, {"v": initial_potential(model), **values}


def threshold_parameters(model: Any) -> tuple[str, dict[str, Value]]:
    return numbers(threshold=model.threshold, v_reset=model.v_reset)


def decayed_before(model: Any, dt: float, initial: Value, tau: Value) -> Value:
    """There the state before step 0 is that at its start, after the decay of the step before."""
    return np.asarray(initial) * decay_factor(dt, tau, model.discretisation)


def synapse_parameters(model: Any) -> tuple[str, dict[str, Value]]:
    return joined(
        numbers(resistance=model.resistance),
        times(tau_excitatory=model.tau_excitatory, tau_inhibitory=model.tau_inhibitory),
    )
