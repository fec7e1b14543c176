"""Neuron models in Brian2's words: equations, threshold, reset, and where in a step arrivals act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.neurons.adaptive_lif import AdaptiveLIF
from neurosim.neurons.adex import AdEx
from neurosim.neurons.alpha_current_lif import AlphaCurrentLIF
from neurosim.neurons.conductance_lif import ConductanceLIF
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.dual_current_lif import DualCurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.izhikevich import Izhikevich
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel, decay_factor
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, SpikeWhen
from neurosim.neurons.relay import Relay
from neurosim.parameters import Value

__all__ = ["Brian2Model", "brian2_model"]


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
    scale: Value = field(default=1.0)


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


def _method(model: Any) -> str:
    return {
        Discretisation.EXACT: "exact",
        Discretisation.EULER: "euler",
        Discretisation.EXPONENTIAL_EULER: "exponential_euler",
    }[model.discretisation]


def _parameters(**values: Value) -> tuple[str, dict[str, Value]]:
    """Declarations of numbers without unit, and their values."""
    return "".join(f"{name} : 1 (constant)\n" for name in values), values


def _times(**values: Value) -> tuple[str, dict[str, Value]]:
    """Declarations of times, and their values in seconds."""
    return "".join(f"{name} : second (constant)\n" for name in values), values


def _joined(*parts: tuple[str, dict[str, Value]]) -> tuple[str, dict[str, Value]]:
    return "".join(text for text, _ in parts), {k: v for _, values in parts for k, v in values.items()}


def _spikes(model: Any, threshold: str = "threshold") -> dict[str, str]:
    """Threshold and reset of the leaky membranes."""
    sign = ">" if model.spike_when is SpikeWhen.EXCEEDED else ">="
    subtracts = getattr(model, "reset", Reset.TO_VALUE) is Reset.BY_SUBTRACTION
    return {
        "threshold": f"v {sign} {threshold}",
        "reset": f"v -= {threshold}" if subtracts else "v = v_reset",
    }


def _held(model: Any, *, arrivals_to_v: bool, where: str) -> tuple[str, str]:
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


def _check_distinct(model: Any, where: str, *names: str) -> None:
    """Refuse a synaptic time constant equal to that of the membrane."""
    for name in names:
        if _method(model) == "exact" and np.any(
            np.isclose(model.tau_membrane, getattr(model, name), rtol=1e-6)
        ):
            raise UnsupportedError(
                f"Brian2's exact solution divides by tau_membrane - {name}",
                where=where,
                remedy="Make the time constants differ by more than 1e-6, or use Discretisation.EULER",
            )


def _initial_potential(model: Any) -> Value:
    return model.v_rest if model.v_init is None else model.v_init  # type: ignore[no-any-return]


def _membrane(model: Any) -> tuple[str, dict[str, Value]]:
    text, values = _joined(
        _parameters(v_rest=model.v_rest, drive=np.multiply(model.resistance, model.current)),
        _times(tau=model.tau_membrane),
    )
    return text, {"v": _initial_potential(model), **values}


def _threshold(model: Any) -> tuple[str, dict[str, Value]]:
    return _parameters(threshold=model.threshold, v_reset=model.v_reset)


_JUMP = (("v", "potential"),)
_V = {"v": ("v", "end")}


def _lif(model: LIF, dt: float, where: str) -> Brian2Model:
    flag, factor = _held(model, arrivals_to_v=True, where=where)
    text, values = _joined(_membrane(model), _threshold(model))
    return Brian2Model(
        equations=f"dv/dt = {factor}(v_rest - v + drive + injected)/tau : 1{flag}\n" + text,
        parameters=values,
        method=_method(model),
        arrivals=_JUMP,
        recorded=_V,
        scale=model.resistance,
        **_spikes(model),
    )


def _leaky_integrator(model: LeakyIntegrator, dt: float, where: str) -> Brian2Model:
    text, values = _membrane(model)
    return Brian2Model(
        equations="dv/dt = (v_rest - v + drive + injected)/tau : 1\n" + text,
        parameters=values,
        method=_method(model),
        arrivals=_JUMP,
        threshold=None,
        reset="",
        recorded=_V,
        scale=model.resistance,
    )


def _integrate_and_fire(model: IntegrateAndFire, dt: float, where: str) -> Brian2Model:
    flag, factor = _held(model, arrivals_to_v=True, where=where)
    text, values = _threshold(model)
    drive = np.multiply(model.resistance, model.current)
    return Brian2Model(
        equations=f"dv/dt = {factor}(drive + injected) : 1{flag}\ndrive : Hz (constant)\n" + text,
        parameters={"v": model.v_init, "drive": drive, **values},
        method="euler",  # a constant slope: exact
        arrivals=_JUMP,
        recorded=_V,
        injected="Hz",
        scale=model.resistance,
        **_spikes(model),
    )


def _adaptive_lif(model: AdaptiveLIF, dt: float, where: str) -> Brian2Model:
    flag, factor = _held(model, arrivals_to_v=True, where=where)
    text, values = _joined(
        _membrane(model),
        _threshold(model),
        _times(tau_adaptation=model.tau_adaptation),
        _parameters(threshold_jump=model.threshold_jump),
    )
    spikes = _spikes(model, "(threshold + theta)")
    return Brian2Model(
        equations=f"dv/dt = {factor}(v_rest - v + drive + injected)/tau : 1{flag}\n"
        "dtheta/dt = -theta/tau_adaptation : 1\n" + text,
        parameters=values,
        method=_method(model),
        arrivals=_JUMP,
        threshold=spikes["threshold"],
        reset=spikes["reset"] + "\ntheta += threshold_jump",
        recorded={**_V, "theta": ("theta", "end")},
        scale=model.resistance,
    )


def _current_lif(model: CurrentLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = _held(model, arrivals_to_v=False, where=where)
    _check_distinct(model, where, "tau_synapse")
    text, values = _joined(
        _membrane(model),
        _threshold(model),
        _parameters(resistance=model.resistance),
        _times(tau_synapse=model.tau_synapse),
    )
    return Brian2Model(
        equations=f"dv/dt = (v_rest - v + resistance*i_syn + drive + injected)/tau : 1{flag}\n"
        "di_syn/dt = -i_syn/tau_synapse : 1\n" + text,
        parameters={**values, "i_syn": _decayed(model, dt, model.i_init, model.tau_synapse)},
        method=_method(model),
        arrivals=(("i_syn", "current"),),
        recorded={**_V, "i": ("i_syn", "current")},
        scale=model.resistance,
        **_spikes(model),
    )


def _decayed(model: Any, dt: float, initial: Value, tau: Value) -> Value:
    """There the state before step 0 is that at its start, after the decay of the step before."""
    return np.asarray(initial) * decay_factor(dt, tau, model.discretisation)


def _dual_current_lif(model: DualCurrentLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = _held(model, arrivals_to_v=False, where=where)
    _check_distinct(model, where, "tau_excitatory", "tau_inhibitory")
    text, values = _joined(_membrane(model), _threshold(model), _two_currents(model))
    return Brian2Model(
        equations="dv/dt = (v_rest - v + resistance*(i_excitatory + i_inhibitory) + drive + injected)/tau"
        f" : 1{flag}\n" + _DECAYING_CURRENTS + text,
        parameters={
            **values,
            "i_excitatory": _decayed(model, dt, model.i_excitatory_init, model.tau_excitatory),
            "i_inhibitory": _decayed(model, dt, model.i_inhibitory_init, model.tau_inhibitory),
        },
        method=_method(model),
        arrivals=(("i_excitatory", "current"), ("i_inhibitory", "current")),
        recorded={**_V, **_TWO_CURRENTS},
        scale=model.resistance,
        **_spikes(model),
    )


_DECAYING_CURRENTS = "di_excitatory/dt = -i_excitatory/tau_excitatory : 1\ndi_inhibitory/dt = -i_inhibitory/tau_inhibitory : 1\n"
_TWO_CURRENTS = {name: (name, "current") for name in ("i_excitatory", "i_inhibitory")}


def _two_currents(model: Any) -> tuple[str, dict[str, Value]]:
    return _joined(
        _parameters(resistance=model.resistance),
        _times(tau_excitatory=model.tau_excitatory, tau_inhibitory=model.tau_inhibitory),
    )


def _alpha_current_lif(model: AlphaCurrentLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = _held(model, arrivals_to_v=False, where=where)
    _check_distinct(model, where, "tau_excitatory", "tau_inhibitory")
    text, values = _joined(_membrane(model), _threshold(model), _two_currents(model))
    rises = "".join(
        f"dh_{s}/dt = -h_{s}/tau_{s} : 1\ndi_{s}/dt = (h_{s} - i_{s})/tau_{s} : 1\n"
        for s in ("excitatory", "inhibitory")
    )
    hidden = {name: (name, "current") for name in ("h_excitatory", "h_inhibitory")}
    return Brian2Model(
        equations="dv/dt = (v_rest - v + resistance*(i_excitatory + i_inhibitory) + drive + injected)/tau"
        f" : 1{flag}\n" + rises + text,
        parameters=values,
        method=_method(model),
        arrivals=(("h_excitatory", "current"), ("h_inhibitory", "current")),
        recorded={**_V, **_TWO_CURRENTS, **hidden},
        scale=model.resistance,
        **_spikes(model),
    )


def _conductance_lif(model: ConductanceLIF, dt: float, where: str) -> Brian2Model:
    flag, _ = _held(model, arrivals_to_v=False, where=where)
    text, values = _joined(
        _membrane(model),
        _threshold(model),
        _two_currents(model),
        _parameters(
            reversal_excitatory=model.reversal_excitatory, reversal_inhibitory=model.reversal_inhibitory
        ),
    )
    pull = "g_excitatory*(reversal_excitatory - v) + g_inhibitory*(reversal_inhibitory - v)"
    return Brian2Model(
        equations=f"dv/dt = (v_rest - v + resistance*({pull}) + drive + injected)/tau : 1{flag}\n"
        "dg_excitatory/dt = -g_excitatory/tau_excitatory : 1\n"
        "dg_inhibitory/dt = -g_inhibitory/tau_inhibitory : 1\n" + text,
        parameters={
            **values,
            "g_excitatory": _decayed(model, dt, model.g_excitatory_init, model.tau_excitatory),
            "g_inhibitory": _decayed(model, dt, model.g_inhibitory_init, model.tau_inhibitory),
        },
        method=_method(model),
        arrivals=(("g_excitatory", "current"), ("g_inhibitory", "current")),
        recorded={**_V, **{name: (name, "current") for name in ("g_excitatory", "g_inhibitory")}},
        scale=model.resistance,
        **_spikes(model),
    )


def _izhikevich(model: Izhikevich, dt: float, where: str) -> Brian2Model:
    if model.discretisation is not Discretisation.EULER:
        value = model.discretisation.name
        raise UnsupportedError("Brian2 has no such method", where=where, value=value, limit="EULER")
    text, values = _parameters(
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
    flag, _ = _held(model, arrivals_to_v=False, where=where)
    text, values = _joined(
        _membrane(model),
        _two_currents(model),
        _times(tau_w=model.tau_w),
        _parameters(
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
    Izhikevich: _izhikevich,
    AdEx: _adex,
    Relay: _relay,
}
