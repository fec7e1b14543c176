"""Neuron models in NEST's words: which model there, its parameters and state, and how its steps lie against ours.

NEST counts milliseconds, millivolts and picoamperes. Numbers of potentials and currents are taken over as they are;
capacitances are chosen so that a current of one raises the potential by the model's resistance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel, refractory_steps
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Value

__all__ = ["NestModel", "nest_model"]

_NEVER = 1e300
"""A threshold that is not reached."""
_NO_LEAK = 1e18
"""A time constant in ms after which a step's decay factor is exactly one."""


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
        initial: for each receptor, what has arrived when the run starts.
        recorded: our variable -> (names there, which are added; factor; steps by which theirs are recorded later).
        current: what an injected current is multiplied by.
    """

    name: str
    parameters: Mapping[str, Value]
    quiet: Mapping[str, Value]
    state: Mapping[str, Value]
    lead: int
    weights: tuple[Value, ...]
    initial: tuple[Value, ...]
    recorded: Mapping[str, tuple[tuple[str, ...], Value, int]]
    current: Value = field(default=1.0)


def nest_model(population: PlanPopulation, dt: float) -> NestModel:
    """The model of a population in NEST.

    Raises:
        UnsupportedError: a model, an option or a parameter that NEST has no counterpart of.
    """
    model, where = population.model, f"population {population.name!r}"
    translate = _MODELS.get(type(model))  # a subclass may step otherwise
    if translate is None:
        raise UnsupportedError(
            "this model is not translated to NEST",
            where=where,
            value=type(model).__name__,
            limit=sorted(m.__name__ for m in _MODELS),
        )
    _check_options(model, where)
    return translate(model, dt, where)


def _check_options(model: NeuronModel, where: str) -> None:
    """Refuse what no NEST model does."""
    refractory = np.any(np.asarray(getattr(model, "refractory", 0.0)) > 0)
    for name, option, refused in (
        ("discretisation", Discretisation.EULER, True),
        ("reset", Reset.BY_SUBTRACTION, True),
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
    return model.threshold  # type: ignore[no-any-return]


def _refractory(model: Any, dt: float) -> Value:
    """The refractory period in whole steps, in ms."""
    return refractory_steps(dt, model.refractory) * (dt * 1e3)


def _initial_potential(model: Any) -> Value:
    return model.v_rest if model.v_init is None else model.v_init  # type: ignore[no-any-return]


def _membrane(model: Any, dt: float) -> dict[str, Value]:
    """Parameters of the leaky membranes; resistance 1."""
    return {
        "tau_m": model.tau_membrane * 1e3,
        "C_m": model.tau_membrane * 1e3,
        "E_L": model.v_rest,
        "V_reset": model.v_reset,
        "V_th": threshold_of(model),
        "t_ref": _refractory(model, dt),
        "I_e": np.multiply(model.resistance, model.current),
    }


def _quiet(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Such that a membrane rests and does not spike."""
    rest = parameters["E_L"]
    return {"V_m": rest, "V_reset": np.minimum(rest, 0.0) - 1.0, "V_th": _NEVER, "I_e": 0.0}


def _lif(model: LIF, dt: float, where: str) -> NestModel:
    parameters = _membrane(model, dt)
    return NestModel(
        name="iaf_psc_delta",
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        lead=0,
        weights=(1.0,),
        initial=(0.0,),
        recorded={"v": (("V_m",), 1.0, 1)},
        current=model.resistance,
    )


def _leaky_integrator(model: LeakyIntegrator, dt: float, where: str) -> NestModel:
    if not np.all(np.isfinite(model.tau_membrane)):
        raise UnsupportedError("NEST has no infinite time constant", where=where, value="tau_membrane")
    parameters = {
        "tau_m": model.tau_membrane * 1e3,
        "C_m": model.tau_membrane * 1e3,
        "E_L": model.v_rest,
        "V_reset": np.minimum(model.v_rest, 0.0) - 1.0,
        "V_th": _NEVER,
        "t_ref": 0.0,
        "I_e": np.multiply(model.resistance, model.current),
    }
    return NestModel(
        name="iaf_psc_delta",
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        lead=0,
        weights=(1.0,),
        initial=(0.0,),
        recorded={"v": (("V_m",), 1.0, 1)},
        current=model.resistance,
    )


def _integrate_and_fire(model: IntegrateAndFire, dt: float, where: str) -> NestModel:
    if np.any(np.multiply(model.resistance, model.current)):
        raise UnsupportedError("NEST has no membrane without leak that takes a current", where=where)
    parameters = {
        "tau_m": _NO_LEAK,
        "C_m": 1.0,
        "E_L": 0.0,
        "V_reset": model.v_reset,
        "V_th": threshold_of(model),
        "t_ref": _refractory(model, dt),
        "I_e": 0.0,
    }
    return NestModel(
        name="iaf_psc_delta",
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": model.v_init},
        lead=0,
        weights=(1.0,),
        initial=(0.0,),
        recorded={"v": (("V_m",), 1.0, 1)},
        current=0.0,
    )


def _current_lif(model: CurrentLIF, dt: float, where: str) -> NestModel:
    if np.any(np.asarray(model.resistance) <= 0):
        raise UnsupportedError("NEST has positive capacitances only", where=where, value="resistance")
    parameters = _membrane(model, dt) | {
        "C_m": model.tau_membrane * 1e3 / model.resistance,
        "I_e": model.current,
        "tau_syn_ex": model.tau_synapse * 1e3,
        "tau_syn_in": model.tau_synapse * 1e3,
    }
    return NestModel(
        name="iaf_psc_exp",
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        lead=1,
        weights=(1.0,),
        initial=(model.i_init * np.exp(-dt / np.asarray(model.tau_synapse)),),
        # positive and negative weights go into two currents there
        recorded={"v": (("V_m",), 1.0, 1), "i": (("I_syn_ex", "I_syn_in"), 1.0, 0)},
    )


_MODELS: dict[type[NeuronModel], Callable[[Any, float, str], NestModel]] = {
    LIF: _lif,
    LeakyIntegrator: _leaky_integrator,
    IntegrateAndFire: _integrate_and_fire,
    CurrentLIF: _current_lif,
}
