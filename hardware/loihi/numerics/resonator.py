"""Resonate-and-fire neurons: Lava's fixed-point ``RF`` and ``RF_IZ``.

With ``scaled(x) = sign(x) * (|x| >> decay_bits)``, taken of every product by itself, one step is

    re' = scaled(cos * re) - scaled(sin * im) + (real arrivals << state_exp)
    im' = scaled(sin * re) + scaled(cos * im) + (imaginary arrivals << state_exp)

both clipped to +-(2^23 - 1). ``RF`` spikes if re' >= threshold and im' >= 0 and im < 0, and is not reset. ``RF_IZ``
(after Izhikevich) spikes if im' >= threshold; then re = 0 and im = threshold - 1. The threshold is vth << state_exp.
Source: lava-nc/lava, ``proc/rf/models.py`` and ``proc/rf_iz/models.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX
from neurosim.hardware.loihi.numerics.overflow import note

__all__ = ["decay_fields", "izhikevich_reference", "izhikevich_step", "resonate_reference", "resonate_step"]

Ints = NDArray[np.int64]

_UPPER, _LOWER = 3, 4  # causes, as constants for the kernels


def decay_fields(period: float, alpha: float, decay_bits: int = 12) -> tuple[int, int]:
    """The registers sin and cos of a resonator: ``(1 - alpha) * sin(2 pi / period) * 2^decay_bits``, toward zero.

    Args:
        period: of the oscillation, in steps.
        alpha: the part of the magnitude lost in a step.
    """
    angle = np.pi * 2 * 1 / period
    scale = 1 << decay_bits
    return int((1 - alpha) * np.sin(angle) * scale), int((1 - alpha) * np.cos(angle) * scale)


@njit(cache=True)
def _scaled(x, bits):  # type: ignore[no-untyped-def]
    return -((-x) >> bits) if x < 0 else x >> bits


@njit(cache=True)
def _clipped(x, time, neuron, rows, count):  # type: ignore[no-untyped-def]
    if x > STATE_MAX:
        note(_UPPER, time, neuron, x, rows, count)
        return np.int64(STATE_MAX)
    if x < -STATE_MAX:
        note(_LOWER, time, neuron, x, rows, count)
        return np.int64(-STATE_MAX)
    return x


@njit(cache=True)
def _turn(n, time, q, q2, state, options, rows, count):  # type: ignore[no-untyped-def]
    sin, cos, state_exp, bits = options[0], options[1], options[2], options[3]
    re, im = state[0, n], state[1, n]
    new_re = _scaled(cos * re, bits) - _scaled(sin * im, bits) + (np.int64(q[n]) << state_exp)
    new_im = _scaled(sin * re, bits) + _scaled(cos * im, bits) + (np.int64(q2[n]) << state_exp)
    return _clipped(new_re, time, n, rows, count), _clipped(new_im, time, n, rows, count)


@njit(cache=True)
def resonate_step(first, stop, time, q, q2, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    """One step of ``RF`` neurons; arguments as in `neurosim.hardware.loihi.numerics.programs.advance`."""
    for n in range(first, stop):
        re, im = _turn(n, time, q, q2, state, options, rows, count)
        out[n] = re >= registers[0, n] and im >= 0 and state[1, n] < 0
        state[0, n], state[1, n] = re, im


@njit(cache=True)
def izhikevich_step(first, stop, time, q, q2, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    """One step of ``RF_IZ`` neurons; arguments as in `neurosim.hardware.loihi.numerics.programs.advance`."""
    for n in range(first, stop):
        re, im = _turn(n, time, q, q2, state, options, rows, count)
        out[n] = im >= registers[0, n]
        if out[n]:
            re, im = np.int64(0), registers[0, n] - 1
        state[0, n], state[1, n] = re, im


def _turn_array(q: Ints, q2: Ints, state: Ints, options: Ints) -> tuple[Ints, Ints]:
    sin, cos, state_exp, bits = options[:4].tolist()

    def scaled(x: Ints) -> Ints:
        return np.asarray(np.sign(x) * (np.abs(x) >> bits), dtype=np.int64)

    re, im = state[0], state[1]
    new_re = scaled(cos * re) - scaled(sin * im) + (np.asarray(q, dtype=np.int64) << state_exp)
    new_im = scaled(sin * re) + scaled(cos * im) + (np.asarray(q2, dtype=np.int64) << state_exp)
    return np.clip(new_re, -STATE_MAX, STATE_MAX), np.clip(new_im, -STATE_MAX, STATE_MAX)


def resonate_reference(q: Ints, q2: Ints, state: Ints, registers: Ints, options: Ints) -> Ints:
    """`resonate_step` in plain NumPy: advances ``state`` in place and returns the spikes."""
    re, im = _turn_array(q, q2, state, options)
    spikes = (re >= registers[0]) & (im >= 0) & (state[1] < 0)
    state[0], state[1] = re, im
    return np.asarray(spikes, dtype=np.int64)


def izhikevich_reference(q: Ints, q2: Ints, state: Ints, registers: Ints, options: Ints) -> Ints:
    """`izhikevich_step` in plain NumPy: advances ``state`` in place and returns the spikes."""
    re, im = _turn_array(q, q2, state, options)
    spikes = im >= registers[0]
    state[0], state[1] = np.where(spikes, 0, re), np.where(spikes, registers[0] - 1, im)
    return np.asarray(spikes, dtype=np.int64)
