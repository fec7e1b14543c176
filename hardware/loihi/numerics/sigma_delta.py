"""Neurons that send changes: Lava's fixed-point ``Delta`` and ``SigmaDelta``.

With e = spike_exp + state_exp, and all states in units of 2^-e of an arrival, one step is

    Delta       x = arrivals << e
    SigmaDelta  sigma <- sigma + arrivals;  x = sigma + (bias << e), and max(x, 0) with the activation RELU
    both        d = x - act + residue;  act <- x
                sends d if |d| >= threshold << e, else 0
                with cum_error: error <- error + d; sends d if |error| >= threshold << e, and then error <- 0
                residue <- d - sent;  the message is sent >> state_exp, rounded toward minus infinity

The arrivals of a SigmaDelta are not shifted: what reaches it is already in its units, since messages carry spike_exp
bits behind the point. Messages that are 0 are none. Source: lava-nc/lava, ``proc/sdn/models.py``, tag ``fixed_pt``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX
from neurosim.hardware.loihi.numerics.overflow import note

__all__ = ["delta_reference", "delta_step", "sigma_delta_reference", "sigma_delta_step"]

Ints = NDArray[np.int64]

_STATE, _MESSAGE = 5, 6  # causes, as constants for the kernels


@njit(cache=True)
def _check(cause, time, neuron, x, rows, count):  # type: ignore[no-untyped-def]
    if x > STATE_MAX or x < -STATE_MAX - 1:
        note(cause, time, neuron, x, rows, count)


@njit(cache=True)
def _send(n, x, act, residue, error, threshold, state_exp, cum_error, time, rows, count):  # type: ignore[no-untyped-def]
    d = x - act[n] + residue[n]
    judged = d
    if cum_error:
        error[n] += d
        judged = error[n]
    sent = d if abs(judged) >= threshold[n] else np.int64(0)
    if cum_error and sent != 0:
        error[n] = 0
    residue[n] = d - sent
    act[n] = x
    _check(_STATE, time, n, x, rows, count)
    _check(_STATE, time, n, judged, rows, count)
    message = sent >> state_exp
    _check(_MESSAGE, time, n, message, rows, count)
    return message


@njit(cache=True)
def delta_step(first, stop, time, q, q2, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    """One step of ``Delta`` neurons; arguments as in `neurosim.hardware.loihi.numerics.programs.advance`."""
    exponent = options[0] + options[1]
    for n in range(first, stop):
        x = np.int64(q[n]) << exponent
        out[n] = _send(
            n, x, state[0], state[1], state[2], registers[0], options[1], options[2], time, rows, count
        )


@njit(cache=True)
def sigma_delta_step(first, stop, time, q, q2, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    """One step of ``SigmaDelta`` neurons; arguments as in `neurosim.hardware.loihi.numerics.programs.advance`."""
    for n in range(first, stop):
        sigma = state[0, n] + np.int64(q[n])
        _check(_STATE, time, n, sigma, rows, count)
        state[0, n] = sigma
        x = sigma + registers[1, n]
        if options[3] and x < 0:
            x = np.int64(0)
        out[n] = _send(
            n, x, state[1], state[2], state[3], registers[0], options[1], options[2], time, rows, count
        )


def _send_array(x: Ints, states: Ints, threshold: Ints, state_exp: int, cum_error: int) -> Ints:
    act, residue, error = states
    d = x - act + residue
    if cum_error:
        error += d
    sent = np.where(np.abs(error if cum_error else d) >= threshold, d, 0)
    if cum_error:
        error[sent != 0] = 0
    residue[:], act[:] = d - sent, x
    return sent >> state_exp


def delta_reference(q: Ints, q2: Ints, state: Ints, registers: Ints, options: Ints) -> Ints:
    """`delta_step` in plain NumPy: advances ``state`` in place and returns the messages."""
    x = np.asarray(q, dtype=np.int64) << (options[0] + options[1])
    return _send_array(x, state[:3], registers[0], options[1], options[2])


def sigma_delta_reference(q: Ints, q2: Ints, state: Ints, registers: Ints, options: Ints) -> Ints:
    """`sigma_delta_step` in plain NumPy: advances ``state`` in place and returns the messages."""
    state[0] += q
    x = state[0] + registers[1]
    return _send_array(
        np.maximum(x, 0) if options[3] else x, state[1:4], registers[0], options[1], options[2]
    )
