"""Neuron models in Brian2's words: equations, threshold, reset, and where in a step arrivals act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.interchange.brian2_model import (
    Brian2Model,
    check_distinct,
    decayed_before,
    held,
    joined,
    membrane_parameters,
    method_of,
    numbers,
    synapse_parameters,
    threshold_and_reset,
    threshold_parameters,
    times,
)
from neurosim.neurons.adaptive_lif import AdaptiveLIF
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

__all__ = ["brian2_model"]


def brian2_model(population: PlanPopulation, dt: float) -> Brian2Model:
    """The model of a population in Brian2.

    Raises:
        UnsupportedError: a model or an option that is not translated, or time constants that Brian2's symbolic solution
            cannot take.
    """
    model, where = population.model, f"population {population.name!r}"
    translate = _MODELS.get(type(model))  # a subclass may step otherwise
    if translate is None:
        raise UnsupportedError(
            "this model is not translated to Brian2",
            where=where,
            value=type(model).__name__,
            limit=sorted(m.__name__ for m in _MODELS),
        )
    return translate(model, dt, where)


_JUMP = (("v", "potential"),)
_V = {"v": ("v", "end")}


def _lif(model: LIF, dt: float, where: str) -> Brian2Model:
    flag, factor = held(model, arrivals_to_v=True, where=where)
    text, values = joined(membrane_parameters(model), threshold_parameters(model))
    return Brian2Model(
        equations=f"dv/dt = {factor}(v_rest - v + drive + injected)/tau : 1{flag}\n" + text,
        parameters=values,
        method=method_of(model),
        arrivals=_JUMP,
        recorded=_V,
        scale=model.resistance,
        **threshold_and_reset(model),
    )


def _leaky_integrator(model: LeakyIntegrator, dt: float, where: str) -> Brian2Model:
    text, values = membrane_parameters(model)
    return Brian2Model(
        equations="dv/dt = (v_rest - v + drive + injected)/tau : 1\n" + text,
        parameters=values,
        method=method_of(model),
        arrivals=_JUMP,
        threshold=None,
        reset="",
        recorded=_V,
        scale=model.resistance,
    )


def _integrate_and_fire(model: IntegrateAndFire, dt: float, where: str) -> Brian2Model:
    flag, factor = held(model, arrivals_to_v=True, where=where)
    text, values = threshold_parameters(model)
    drive = np.multiply(model.resistance, model.current)
    return Brian2Model(
        equations=f"dv/dt = {factor}(drive + injected) : 1{flag}\ndrive : Hz (constant)\n" + text,
        parameters={"v": model.v_init, "drive": drive, **values},
        method="euler",  # a constant slope: exact
        arrivals=_JUMP,
        recorded=_V,
        injected="Hz",
        scale=model.resistance,
        **threshold_and_reset(model),
    )


def _adaptive_lif(model: AdaptiveLIF, dt: float, where: str) -> Brian2Model:
    flag, factor = held(model, arrivals_to_v=True, where=where)
    text, values = joined(
        membrane_parameters(model),
        threshold_parameters(model),
        times(tau_adaptation=model.tau_adaptation),
        numbers(threshold_jump=model.threshold_jump),
    )
    spikes = threshold_and_reset(model, "(threshold + theta)")
    return Brian2Model(
        equations=f"dv/dt = {factor}(v_rest - v + drive + injected)/tau : 1{flag}\n"
        "dtheta/dt = -theta/tau_adaptation : 1\n" + text,
        parameters=values,
        method=method_of(model),
        arrivals=_JUMP,
        threshold=spikes["threshold"],
        reset=spikes["reset"] + "\ntheta += threshold_jump",
        recorded={**_V, "theta": ("theta", "end")},
        scale=model.resistance,
    )


def _current_lif(model: CurrentLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = held(model, arrivals_to_v=False, where=where)
    check_distinct(model, where, "tau_synapse")
    text, values = joined(
        membrane_parameters(model),
        threshold_parameters(model),
        numbers(resistance=model.resistance),
        times(tau_synapse=model.tau_synapse),
    )
    return Brian2Model(
        equations=f"dv/dt = (v_rest - v + resistance*i_syn + drive + injected)/tau : 1{flag}\n"
        "di_syn/dt = -i_syn/tau_synapse : 1\n" + text,
        parameters={**values, "i_syn": decayed_before(model, dt, model.i_init, model.tau_synapse)},
        method=method_of(model),
        arrivals=(("i_syn", "current"),),
        recorded={**_V, "i": ("i_syn", "current")},
        scale=model.resistance,
        **threshold_and_reset(model),
    )


def _dual_current_lif(model: DualCurrentLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = held(model, arrivals_to_v=False, where=where)
    check_distinct(model, where, "tau_excitatory", "tau_inhibitory")
    text, values = joined(membrane_parameters(model), threshold_parameters(model), synapse_parameters(model))
    return Brian2Model(
        equations="dv/dt = (v_rest - v + resistance*(i_excitatory + i_inhibitory) + drive + injected)/tau"
        f" : 1{flag}\n" + _DECAYING_CURRENTS + text,
        parameters={
            **values,
            "i_excitatory": decayed_before(model, dt, model.i_excitatory_init, model.tau_excitatory),
            "i_inhibitory": decayed_before(model, dt, model.i_inhibitory_init, model.tau_inhibitory),
        },
        method=method_of(model),
        arrivals=(("i_excitatory", "current"), ("i_inhibitory", "current")),
        recorded={**_V, **_TWO_CURRENTS},
        scale=model.resistance,
        **threshold_and_reset(model),
    )


_DECAYING_CURRENTS = "".join(f"di_{s}/dt = -i_{s}/tau_{s} : 1\n" for s in ("excitatory", "inhibitory"))
_TWO_CURRENTS = {name: (name, "current") for name in ("i_excitatory", "i_inhibitory")}


def _alpha_current_lif(model: AlphaCurrentLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = held(model, arrivals_to_v=False, where=where)
    check_distinct(model, where, "tau_excitatory", "tau_inhibitory")
    text, values = joined(membrane_parameters(model), threshold_parameters(model), synapse_parameters(model))
    rises = "".join(
        f"dh_{s}/dt = -h_{s}/tau_{s} : 1\ndi_{s}/dt = (h_{s} - i_{s})/tau_{s} : 1\n"
        for s in ("excitatory", "inhibitory")
    )
    hidden = {name: (name, "current") for name in ("h_excitatory", "h_inhibitory")}
    return Brian2Model(
        equations="dv/dt = (v_rest - v + resistance*(i_excitatory + i_inhibitory) + drive + injected)/tau"
        f" : 1{flag}\n" + rises + text,
        parameters=values,
        method=method_of(model),
        arrivals=(("h_excitatory", "current"), ("h_inhibitory", "current")),
        recorded={**_V, **_TWO_CURRENTS, **hidden},
        scale=model.resistance,
        **threshold_and_reset(model),
    )


def _conductance_lif(model: ConductanceLIF, dt: float, where: str) -> Brian2Model:
    return _conductances(
        model,
        where,
        "dg_{s}/dt = -g_{s}/tau_{s} : 1\n",
        "g",
        {
            "g_excitatory": decayed_before(model, dt, model.g_excitatory_init, model.tau_excitatory),
            "g_inhibitory": decayed_before(model, dt, model.g_inhibitory_init, model.tau_inhibitory),
        },
    )


def _alpha_conductance_lif(model: AlphaConductanceLIF, dt: float, where: str) -> Brian2Model:
    if model.discretisation is not Discretisation.EULER:
        # its exponential Euler holds h over the step, where ours solves for g and h together
        value = model.discretisation.name
        raise UnsupportedError("Brian2 has another such method", where=where, value=value, limit="EULER")
    equations = "dh_{s}/dt = -h_{s}/tau_{s} : 1\ndg_{s}/dt = (h_{s} - g_{s})/tau_{s} : 1\n"
    return _conductances(model, where, equations, "h", {})


def _conductances(
    model: Any, where: str, equations: str, arrival: str, initial: dict[str, Value]
) -> Brian2Model:
    """A membrane with two conductances, whose ``equations`` are for the receptor {s}."""
    flag, _ = held(model, arrivals_to_v=False, where=where)
    text, values = joined(
        membrane_parameters(model),
        threshold_parameters(model),
        synapse_parameters(model),
        numbers(reversal_excitatory=model.reversal_excitatory, reversal_inhibitory=model.reversal_inhibitory),
    )
    pull = "g_excitatory*(reversal_excitatory - v) + g_inhibitory*(reversal_inhibitory - v)"
    synapses = [name for name in model.STATE if name[:2] in ("g_", "h_")]
    return Brian2Model(
        equations=f"dv/dt = (v_rest - v + resistance*({pull}) + drive + injected)/tau : 1{flag}\n"
        + "".join(equations.format(s=s) for s in ("excitatory", "inhibitory"))
        + text,
        parameters={**values, **initial},
        method=method_of(model),
        arrivals=((f"{arrival}_excitatory", "current"), (f"{arrival}_inhibitory", "current")),
        recorded={**_V, **{name: (name, "current") for name in synapses}},
        scale=model.resistance,
        **threshold_and_reset(model),
    )


def _izhikevich(model: Izhikevich, dt: float, where: str) -> Brian2Model:
    if model.discretisation is not Discretisation.EULER:
        value = model.discretisation.name
        raise UnsupportedError("Brian2 has no such method", where=where, value=value, limit="EULER")
    text, values = numbers(
        a=model.a, b=model.b, c=model.c, d=model.d, threshold=model.threshold, drive=model.current
    )
    return Brian2Model(
        equations="dv/dt = (0.04*v**2 + 5*v + 140 - u + drive + injected)/ms : 1\n"
        "du/dt = a*(b*v - u)/ms : 1\n" + text,
        parameters={**values, **model.initial(dt)},
        method="euler",
        arrivals=_JUMP,
        threshold="v >= threshold",
        reset="v = c\nu += d",
        recorded={**_V, "u": ("u", "end")},
    )


def _adex(model: AdEx, dt: float, where: str) -> Brian2Model:
    if model.discretisation is not Discretisation.EULER:
        value = model.discretisation.name
        raise UnsupportedError("Brian2 has no such method", where=where, value=value, limit="EULER")
    flag, _ = held(model, arrivals_to_v=False, where=where)
    text, values = joined(
        membrane_parameters(model),
        synapse_parameters(model),
        times(tau_w=model.tau_w),
        numbers(
            threshold=model.threshold,
            v_reset=model.v_reset,
            v_peak=model.v_peak,
            slope=model.slope,
            a=model.a,
            b=model.b,
        ),
    )
    push = "slope*exp((v - threshold)/slope) + resistance*(i_excitatory + i_inhibitory - w)"
    return Brian2Model(
        equations=f"dv/dt = (v_rest - v + {push} + drive + injected)/tau : 1{flag}\n"
        "dw/dt = (a*(v - v_rest) - w)/tau_w : 1\n" + _DECAYING_CURRENTS + text,
        parameters={**values, "w": model.w_init},
        method="euler",
        arrivals=(("i_excitatory", "current"), ("i_inhibitory", "current")),
        threshold="v >= v_peak",
        reset="v = v_reset\nw += b",
        recorded={**_V, "w": ("w", "end"), **_TWO_CURRENTS},
        scale=model.resistance,
    )


def _relay(model: Relay, dt: float, where: str) -> Brian2Model:
    return Brian2Model(
        equations="arrived : 1\n",
        parameters={},
        method="euler",
        arrivals=(("arrived", "current"), (None, "current")),
        threshold="arrived > 0",
        reset="",
        recorded={},
        injected=None,
        before="arrived = 0",
    )


_MODELS: dict[type[NeuronModel], Callable[[Any, float, str], Brian2Model]] = {
    LIF: _lif,
    LeakyIntegrator: _leaky_integrator,
    IntegrateAndFire: _integrate_and_fire,
    AdaptiveLIF: _adaptive_lif,
    CurrentLIF: _current_lif,
    DualCurrentLIF: _dual_current_lif,
    AlphaCurrentLIF: _alpha_current_lif,
    ConductanceLIF: _conductance_lif,
    AlphaConductanceLIF: _alpha_conductance_lif,
    Izhikevich: _izhikevich,
    AdEx: _adex,
    Relay: _relay,
}
