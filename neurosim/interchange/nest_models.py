"""Neuron models in NEST's words: which model there, its parameters and state, and how its steps lie against ours.

NEST counts milliseconds, millivolts and picoamperes. Numbers of potentials and currents are taken over as they are;
capacitances are chosen so that a current of one raises the potential by the model's resistance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.interchange.engine_offsets import engine_offset
from neurosim.neurons.adex import AdEx
from neurosim.neurons.alpha_current_lif import AlphaCurrentLIF
from neurosim.neurons.conductance_lif import ConductanceLIF
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.dual_current_lif import DualCurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.izhikevich import Izhikevich
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel, refractory_steps
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.neurons.relay import Relay
from neurosim.parameters import Value

__all__ = ["NestModel", "nest_model"]

_EXACT = (LIF, LeakyIntegrator, CurrentLIF, DualCurrentLIF, AlphaCurrentLIF)
"""Models that NEST integrates exactly; the others go through an adaptive solver there, or through Euler steps."""
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
        ("discretisation", Discretisation.EULER, isinstance(model, _EXACT)),
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


def _jump(model: Any, name: str = "iaf_psc_delta", **changes: Any) -> dict[str, Any]:
    """What models share whose potential jumps."""
    row = engine_offset("nest", type(model).__name__)
    return {"name": name, "lead": -row.delay, "recorded": {"v": (("V_m",), 1.0, row.potential)}, **changes}


def _lif(model: LIF, dt: float, where: str) -> NestModel:
    parameters = _membrane(model, dt)
    return NestModel(
        **_jump(model),
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
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
        **_jump(model),
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
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
        **_jump(model),
        parameters=parameters,
        quiet=_quiet(parameters),
        state={"V_m": model.v_init},
        current=0.0,
    )


def _izhikevich(model: Izhikevich, dt: float, where: str) -> NestModel:
    published = model.discretisation is Discretisation.TWO_HALF_STEPS
    initial = model.initial(dt)
    row = engine_offset("nest", "Izhikevich")
    recorded = {"v": (("V_m",), 1.0, row.potential), "u": (("U_m",), 1.0, row.potential)}
    return NestModel(
        **_jump(model, "izhikevich", recorded=recorded),
        parameters={
            "a": model.a,
            "b": model.b,
            "c": model.c,
            "d": model.d,
            "V_th": model.threshold,
            "I_e": model.current,
            "consistent_integration": not published,
        },
        quiet={"a": 0.02, "b": 0.2, "V_m": -70.0, "U_m": -14.0, "V_th": _NEVER, "I_e": 0.0},  # a fixed point
        state={"V_m": initial["v"], "U_m": initial["u"]},
        # there an arrival is a current that is held over the step
        weights=(1.0 / (dt * 1e3) if published else 1.0,),
    )


def _capacitive(model: Any, dt: float, where: str) -> dict[str, Value]:
    """Parameters of the leaky membranes with their capacitance, for currents and conductances."""
    if np.any(np.asarray(model.resistance) <= 0):
        raise UnsupportedError("NEST has positive capacitances only", where=where, value="resistance")
    return _membrane(model, dt) | {"C_m": model.tau_membrane * 1e3 / model.resistance, "I_e": model.current}


def _synaptic(model: Any, name: str, **recorded: tuple[tuple[str, ...], Value]) -> dict[str, Any]:
    """What models share whose arrivals act on a current or conductance."""
    row = engine_offset("nest", type(model).__name__)
    assert row.synapse is not None
    named = {variable: (*what, row.synapse) for variable, what in recorded.items()}
    return {"name": name, "lead": -row.delay, "recorded": {"v": (("V_m",), 1.0, row.potential), **named}}


def _decayed(initial: Value, dt: float, tau: Value) -> Value:
    """There the state before step 0 is that at its start, after the decay of the step before."""
    return initial * np.exp(-dt / np.asarray(tau))


def _current_lif(model: CurrentLIF, dt: float, where: str) -> NestModel:
    parameters = _capacitive(model, dt, where)
    tau = model.tau_synapse * 1e3
    return NestModel(
        # positive and negative weights go into two currents there
        **_synaptic(model, "iaf_psc_exp", i=(("I_syn_ex", "I_syn_in"), 1.0)),
        parameters={**parameters, "tau_syn_ex": tau, "tau_syn_in": tau},
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        initial=(_decayed(model.i_init, dt, model.tau_synapse),),
    )


def _two_receptors(model: Any) -> dict[str, Value]:
    return {"tau_syn_ex": model.tau_excitatory * 1e3, "tau_syn_in": model.tau_inhibitory * 1e3}


def _dual_current_lif(model: DualCurrentLIF, dt: float, where: str) -> NestModel:
    parameters = _capacitive(model, dt, where)
    currents = {"i_excitatory": (("I_syn_ex",), 1.0), "i_inhibitory": (("I_syn_in",), 1.0)}
    return NestModel(
        **_synaptic(model, "iaf_psc_exp", **currents),
        parameters={**parameters, **_two_receptors(model)},
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        weights=(1.0, 1.0),
        signs=(1, -1),
        ports=(0, 0),
        initial=(
            _decayed(model.i_excitatory_init, dt, model.tau_excitatory),
            _decayed(model.i_inhibitory_init, dt, model.tau_inhibitory),
        ),
    )


def _alpha_current_lif(model: AlphaCurrentLIF, dt: float, where: str) -> NestModel:
    parameters = _capacitive(model, dt, where)
    currents = {"i_excitatory": (("I_syn_ex",), 1.0), "i_inhibitory": (("I_syn_in",), 1.0)}
    return NestModel(
        **_synaptic(model, "iaf_psc_alpha", **currents),
        parameters={**parameters, **_two_receptors(model)},
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        weights=(math.exp(-1.0), math.exp(-1.0)),  # theirs is the peak
        signs=(1, -1),
        ports=(0, 0),
        initial=(0.0, 0.0),
    )


def _conductance_lif(model: ConductanceLIF, dt: float, where: str) -> NestModel:
    parameters = _capacitive(model, dt, where)
    del parameters["tau_m"]
    conductances = {"g_excitatory": (("g_ex",), 1.0), "g_inhibitory": (("g_in",), 1.0)}
    return NestModel(
        **_synaptic(model, "iaf_cond_exp", **conductances),
        parameters={
            **parameters,
            **_two_receptors(model),
            "g_L": 1.0 / model.resistance,
            "E_ex": model.reversal_excitatory,
            "E_in": model.reversal_inhibitory,
        },
        quiet=_quiet(parameters),
        state={"V_m": _initial_potential(model)},
        weights=(1.0, -1.0),
        signs=(1, 1),
        ports=(0, 0),
        initial=(
            _decayed(model.g_excitatory_init, dt, model.tau_excitatory),
            _decayed(model.g_inhibitory_init, dt, model.tau_inhibitory),
        ),
    )


def _adex(model: AdEx, dt: float, where: str) -> NestModel:
    currents: dict[str, Any] = {"i_excitatory": (("I_syn_ex",), 1.0), "i_inhibitory": (("I_syn_in",), -1.0)}
    shared = _synaptic(model, "aeif_psc_exp", **currents)
    shared["recorded"]["w"] = (("w",), 1.0, shared["recorded"]["v"][2])
    return NestModel(
        **shared,
        parameters={
            "C_m": model.tau_membrane * 1e3 / model.resistance,
            "g_L": 1.0 / model.resistance,
            "E_L": model.v_rest,
            "Delta_T": model.slope,
            "V_th": model.threshold,
            "V_peak": model.v_peak,
            "V_reset": model.v_reset,
            "t_ref": _refractory(model, dt),
            "tau_w": model.tau_w * 1e3,
            "a": model.a,
            "b": model.b,
            "I_e": model.current,
            **_two_receptors(model),
        },
        quiet={"V_m": model.v_rest, "w": 0.0, "I_e": 0.0},
        state={"V_m": _initial_potential(model), "w": model.w_init},
        weights=(1.0, 1.0),
        signs=(1, -1),
        ports=(0, 0),
        initial=(0.0, 0.0),
    )


def _relay(model: Relay, dt: float, where: str) -> NestModel:
    return NestModel(
        **_jump(model, "parrot_neuron", recorded={}),
        parameters={},
        quiet={},
        state={},
        weights=(1.0, 1.0),
        signs=(1, 0),
        ports=(0, 1),
        initial=(0.0, 0.0),
    )


_MODELS: dict[type[NeuronModel], Callable[[Any, float, str], NestModel]] = {
    LIF: _lif,
    LeakyIntegrator: _leaky_integrator,
    IntegrateAndFire: _integrate_and_fire,
    CurrentLIF: _current_lif,
    DualCurrentLIF: _dual_current_lif,
    AlphaCurrentLIF: _alpha_current_lif,
    ConductanceLIF: _conductance_lif,
    Izhikevich: _izhikevich,
    AdEx: _adex,
    Relay: _relay,
}
