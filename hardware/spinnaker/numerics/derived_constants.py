"""What a core derives from the parameters it was sent, before the first step.

The host sends raw parameters (time constants in ms, capacitance in nF, potentials in mV, currents in nA) as s16.15; the
core computes decay factors and the like itself, with its own divider and exponential. Layouts and formulas follow
sPyNNaker's ``neuron_model_lif_impl.h``, ``synapse_types_exponential_impl.h``, ``exp_synapse_utils.h`` and
``input_type_delta.h``; words are int64 here whatever their width on the machine.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE, ceil_accum, divide, divide_by_integer, wrap
from neurosim.hardware.spinnaker.numerics.exponential import expk, expulr

__all__ = [
    "CoreModel",
    "NeuronConstants",
    "NeuronState",
    "Words",
    "derive",
    "input_words",
    "neuron_words",
    "synapse_words",
]

Words = NDArray[np.int64]


class CoreModel(IntEnum):
    """The neuron programs that are emulated."""

    IF_CURR_EXP = 0
    IF_CURR_DELTA = 1
    IF_COND_EXP = 2


class NeuronConstants(NamedTuple):
    """Constants of n neurons, int64 [n] each. ``input_0, input_1``: delta scale, or the two reversal potentials."""

    v_rest: Words
    resistance: Words
    exp_tc: Words
    i_offset: Words
    v_reset: Words
    t_refract: Words
    threshold: Words
    decay_exc: Words
    init_exc: Words
    decay_inh: Words
    init_inh: Words
    input_0: Words
    input_1: Words


class NeuronState(NamedTuple):
    """State of n neurons, int64 [n] each: potential, refractory timer in steps, synaptic values."""

    v: Words
    timer: Words
    exc: Words
    inh: Words


def input_words(model: CoreModel) -> int:
    """Parameter words of the input type a neuron."""
    return {CoreModel.IF_CURR_EXP: 0, CoreModel.IF_CURR_DELTA: 1, CoreModel.IF_COND_EXP: 2}[model]


def synapse_words(model: CoreModel) -> int:
    """Parameter words of the synapse type a neuron."""
    return 2 if model is CoreModel.IF_CURR_DELTA else 5


def neuron_words(parameters: Any, n_steps: int = 1) -> Words:
    """The eight state words of the LIF model from its nine parameter words.

    Args:
        parameters: [n, 9] V_init, V_rest, c_m, tau_m, I_offset, V_reset, T_refract (ms), refractory timer, time step.

    Returns:
        [n, 8] V, V_rest, R, exp_TC, I_offset, timer, V_reset, T_refract (steps).
    """
    v, v_rest, c_m, tau_m, i_offset, v_reset, t_refract, timer, dt = _columns(parameters, 9)
    _positive(c_m, "c_m")
    _positive(tau_m, "tau_m")
    _positive(dt, "time step")
    ts = divide_by_integer(dt, n_steps)
    resistance = divide(tau_m, c_m)
    exp_tc = expk(_minus(divide(ts, tau_m)))
    steps = ceil_accum(divide(t_refract, ts))
    return np.stack([v, v_rest, resistance, exp_tc, i_offset, timer, v_reset, steps], axis=1)


def _exponential(tau: Words, dt: Words) -> tuple[Words, Words]:
    """decay = exp(-dt/tau), init = (tau/dt) (1 - decay), both u0.32 (init wraps at 2**32)."""
    _positive(tau, "tau_syn")
    _positive(dt, "time step")
    factor = expulr(_minus(divide(dt, tau)))
    ratio = divide(tau, dt).astype(np.uint64)
    init = (ratio * (np.uint64(0xFFFFFFFF) - factor.astype(np.uint64))) >> np.uint64(15)
    return factor, (init & np.uint64(0xFFFFFFFF)).astype(np.int64)


def synapse_state_words(model: CoreModel, parameters: Any) -> Words:
    """State words of the synapse type: [n, 6] decay, init, value of both receptors, or the [n, 2] delta values."""
    if model is CoreModel.IF_CURR_DELTA:
        return np.stack(_columns(parameters, 2), axis=1)
    tau_exc, value_exc, tau_inh, value_inh, dt = _columns(parameters, 5)
    exc, inh = _exponential(tau_exc, dt), _exponential(tau_inh, dt)
    return np.stack([*exc, value_exc, *inh, value_inh], axis=1)


def derive(
    model: CoreModel, neuron: Any, inputs: Any, threshold: Any, synapse: Any, n_steps: int = 1
) -> tuple[NeuronConstants, NeuronState]:
    """Constants and initial state of the neurons of a core from the parameter words the host sent.

    Args:
        neuron: [n, 9], see `neuron_words`.
        inputs: [n, k] time step (delta), reversal potentials (conductance), or nothing.
        threshold: [n] V_thresh.
        synapse: [n, 5] tau_E, value_E, tau_I, value_I, time step; for delta [n, 2] value_E, value_I.

    Raises:
        FileFormatError: a word is out of the range in which the core's own arithmetic is defined.
    """
    v, v_rest, resistance, exp_tc, i_offset, timer, v_reset, t_refract = neuron_words(neuron, n_steps).T
    n = len(v)
    zero = np.zeros(n, dtype=np.int64)
    extra = _columns(inputs, input_words(model))
    state = synapse_state_words(model, synapse).T
    if model is CoreModel.IF_CURR_DELTA:
        (dt,) = extra
        _positive(dt, "time step")
        extra = (divide(np.full(n, ONE, dtype=np.int64), dt), zero)
        exc, inh = state
        decays = (zero, zero, zero, zero)
    else:
        extra = extra or (zero, zero)
        decay_exc, init_exc, exc, decay_inh, init_inh, inh = state
        decays = (decay_exc, init_exc, decay_inh, init_inh)
    limit = np.asarray(threshold, dtype=np.int64).reshape(n)
    parts = (v_rest, resistance, exp_tc, i_offset, v_reset, t_refract, limit, *decays, *extra)
    return (
        NeuronConstants(*(np.ascontiguousarray(a) for a in parts)),
        NeuronState(*(np.ascontiguousarray(a) for a in (v, timer, exc, inh))),
    )


def _columns(words: Any, width: int) -> tuple[Words, ...]:
    array = np.asarray(words, dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != width:
        raise FileFormatError(
            "parameter words have the wrong shape", value=array.shape, limit=f"[n, {width}]"
        )
    return tuple(array[:, i] for i in range(width))


def _minus(words: Words) -> Words:
    """The negative as a word: a quotient that wrapped to the smallest number stays what it is."""
    return np.asarray(wrap(-words))


def _positive(words: Words, name: str) -> None:
    if np.any(words <= 0):
        raise FileFormatError(
            "a parameter must be positive on the machine", where=name, value=int(words.min())
        )
