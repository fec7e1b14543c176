"""Neuron models in NEST's words: which model there, its parameters and state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.interchange.engine_offsets import engine_offset
from neurosim.interchange.nest_model import (
    NEVER,
    NestModel,
    capacitive_parameters,
    check_options,
    decayed_before,
    initial_potential,
    jumping,
    membrane_parameters,
    receptor_times,
    refractory_ms,
    resting,
    synaptic,
    threshold_of,
)
from neurosim.neurons.adex import AdEx
from neurosim.neurons.alpha_conductance_lif import AlphaConductanceLIF
from neurosim.neurons.alpha_current_lif import AlphaCurrentLIF
from neurosim.neurons.conductance_lif import ConductanceLIF
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.dual_current_lif import DualCurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.izhikevich import Izhikevich
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation
from neurosim.neurons.relay import Relay
from neurosim.parameters import Value

__all__ = ["NEST_MODELS", "nest_model"]

_NO_LEAK = 1e18
"""A time constant in ms after which a step's decay factor is exactly one."""


def nest_model(population: PlanPopulation, dt: float) -> NestModel:
    """The model of a population in NEST.

    Raises:
        UnsupportedError: a model, an option or a parameter that NEST has no counterpart of.
    """
    model, where = population.model, f"population {population.name!r}"
    translate = NEST_MODELS.get(type(model))  # a subclass may step otherwise
    if translate is None:
        raise UnsupportedError(
            "this model is not translated to NEST",
            where=where,
            value=type(model).__name__,
            limit=sorted(m.__name__ for m in NEST_MODELS),
        )
    check_options(model, where)
    return translate(model, dt, where)


def _lif(model: LIF, dt: float, where: str) -> NestModel:
    parameters = membrane_parameters(model, dt)
    return NestModel(
        **jumping(model),
        parameters=parameters,
        quiet=resting(parameters),
        state={"V_m": initial_potential(model)},
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
        "V_th": NEVER,
        "t_ref": 0.0,
        "I_e": np.multiply(model.resistance, model.current),
    }
    return NestModel(
        **jumping(model),
        parameters=parameters,
        quiet=resting(parameters),
        state={"V_m": initial_potential(model)},
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
        "t_ref": refractory_ms(model, dt),
        "I_e": 0.0,
    }
    return NestModel(
        **jumping(model),
        parameters=parameters,
        quiet=resting(parameters),
        state={"V_m": model.v_init},
        current=0.0,
    )


def _izhikevich(model: Izhikevich, dt: float, where: str) -> NestModel:
    published = model.discretisation is Discretisation.TWO_HALF_STEPS
    initial = model.initial(dt)
    row = engine_offset("nest", "Izhikevich")
    recorded = {"v": (("V_m",), 1.0, row.potential), "u": (("U_m",), 1.0, row.potential)}
    return NestModel(
        **jumping(model, "izhikevich", recorded=recorded),
        parameters={
            "a": model.a,
            "b": model.b,
            "c": model.c,
            "d": model.d,
            "V_th": model.threshold,
            "I_e": model.current,
            "consistent_integration": not published,
        },
        quiet={"a": 0.02, "b": 0.2, "V_m": -70.0, "U_m": -14.0, "V_th": NEVER, "I_e": 0.0},  # a fixed point
        state={"V_m": initial["v"], "U_m": initial["u"]},
        # there an arrival is a current that is held over the step
        weights=(1.0 / (dt * 1e3) if published else 1.0,),
    )


def _current_lif(model: CurrentLIF, dt: float, where: str) -> NestModel:
    parameters = capacitive_parameters(model, dt, where)
    tau = model.tau_synapse * 1e3
    return NestModel(
        # positive and negative weights go into two currents there
        **synaptic(model, "iaf_psc_exp", i=(("I_syn_ex", "I_syn_in"), 1.0)),
        parameters={**parameters, "tau_syn_ex": tau, "tau_syn_in": tau},
        quiet=resting(parameters),
        state={"V_m": initial_potential(model)},
        initial=(decayed_before(model.i_init, dt, model.tau_synapse),),
    )


def _dual_current_lif(model: DualCurrentLIF, dt: float, where: str) -> NestModel:
    parameters = capacitive_parameters(model, dt, where)
    currents = {"i_excitatory": (("I_syn_ex",), 1.0), "i_inhibitory": (("I_syn_in",), 1.0)}
    return NestModel(
        **synaptic(model, "iaf_psc_exp", **currents),
        parameters={**parameters, **receptor_times(model)},
        quiet=resting(parameters),
        state={"V_m": initial_potential(model)},
        weights=(1.0, 1.0),
        signs=(1, -1),
        ports=(0, 0),
        initial=(
            decayed_before(model.i_excitatory_init, dt, model.tau_excitatory),
            decayed_before(model.i_inhibitory_init, dt, model.tau_inhibitory),
        ),
    )


def _alpha_current_lif(model: AlphaCurrentLIF, dt: float, where: str) -> NestModel:
    parameters = capacitive_parameters(model, dt, where)
    currents = {"i_excitatory": (("I_syn_ex",), 1.0), "i_inhibitory": (("I_syn_in",), 1.0)}
    return NestModel(
        **synaptic(model, "iaf_psc_alpha", **currents),
        parameters={**parameters, **receptor_times(model)},
        quiet=resting(parameters),
        state={"V_m": initial_potential(model)},
        weights=(math.exp(-1.0), math.exp(-1.0)),  # theirs is the peak
        signs=(1, -1),
        ports=(0, 0),
        initial=(0.0, 0.0),
    )


def _conductance_lif(model: ConductanceLIF, dt: float, where: str) -> NestModel:
    initial = (
        decayed_before(model.g_excitatory_init, dt, model.tau_excitatory),
        decayed_before(model.g_inhibitory_init, dt, model.tau_inhibitory),
    )
    return _conductances(model, "iaf_cond_exp", dt, where, 1.0, initial)


def _alpha_conductance_lif(model: AlphaConductanceLIF, dt: float, where: str) -> NestModel:
    return _conductances(model, "iaf_cond_alpha", dt, where, math.exp(-1.0), (0.0, 0.0))  # theirs is the peak


def _conductances(
    model: Any, name: str, dt: float, where: str, weight: float, initial: tuple[Value, Value]
) -> NestModel:
    parameters = capacitive_parameters(model, dt, where)
    del parameters["tau_m"]
    return NestModel(
        **synaptic(model, name, g_excitatory=(("g_ex",), 1.0), g_inhibitory=(("g_in",), 1.0)),
        parameters={
            **parameters,
            **receptor_times(model),
            "g_L": 1.0 / model.resistance,
            "E_ex": model.reversal_excitatory,
            "E_in": model.reversal_inhibitory,
        },
        quiet=resting(parameters),
        state={"V_m": initial_potential(model)},
        weights=(weight, -weight),
        signs=(1, 1),
        ports=(0, 0),
        initial=initial,
    )


def _adex(model: AdEx, dt: float, where: str) -> NestModel:
    currents: dict[str, Any] = {"i_excitatory": (("I_syn_ex",), 1.0), "i_inhibitory": (("I_syn_in",), -1.0)}
    shared = synaptic(model, "aeif_psc_exp", **currents)
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
            "t_ref": refractory_ms(model, dt),
            "tau_w": model.tau_w * 1e3,
            "a": model.a,
            "b": model.b,
            "I_e": model.current,
            **receptor_times(model),
        },
        quiet={"V_m": model.v_rest, "w": 0.0, "I_e": 0.0},
        state={"V_m": initial_potential(model), "w": model.w_init},
        weights=(1.0, 1.0),
        signs=(1, -1),
        ports=(0, 0),
        initial=(0.0, 0.0),
    )


def _relay(model: Relay, dt: float, where: str) -> NestModel:
    return NestModel(
        **jumping(model, "parrot_neuron", recorded={}),
        parameters={},
        quiet={},
        state={},
        weights=(1.0, 1.0),
        signs=(1, 0),
        ports=(0, 1),
        initial=(0.0, 0.0),
    )


NEST_MODELS: dict[type[NeuronModel], Callable[[Any, float, str], NestModel]] = {
    LIF: _lif,
    LeakyIntegrator: _leaky_integrator,
    IntegrateAndFire: _integrate_and_fire,
    CurrentLIF: _current_lif,
    DualCurrentLIF: _dual_current_lif,
    AlphaCurrentLIF: _alpha_current_lif,
    ConductanceLIF: _conductance_lif,
    AlphaConductanceLIF: _alpha_conductance_lif,
    Izhikevich: _izhikevich,
    AdEx: _adex,
    Relay: _relay,
}
"""The models that NEST has a counterpart of."""
