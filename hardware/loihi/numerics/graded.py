"""Neurons that pass their input on in the same step: Lava's ``GradedVec`` and ``GradedReluVec``.

The sum of a step's arrivals is sent as it is if |sum| > threshold (``GradedVec``) or sum > threshold
(``GradedReluVec``); nothing is kept for the next step. Source: lava-nc/lava, ``proc/graded/models.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX
from neurosim.hardware.loihi.numerics.overflow import note

__all__ = ["graded_reference", "graded_relu_reference", "graded_relu_step", "graded_step"]

Ints = NDArray[np.int64]

_MESSAGE = 6  # a cause, as a constant for the kernels


@njit(cache=True)
def _pass_on(first, stop, time, q, threshold, both_signs, out, rows, count):  # type: ignore[no-untyped-def]
    for n in range(first, stop):
        x = np.int64(q[n])
        out[n] = x if x > threshold[n] or (both_signs and -x > threshold[n]) else np.int64(0)
        if out[n] > STATE_MAX or out[n] < -STATE_MAX - 1:
            note(_MESSAGE, time, n, x, rows, count)


@njit(cache=True)
def graded_step(first, stop, time, q, q2, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    """One step of ``GradedVec`` neurons; arguments as in `neurosim.hardware.loihi.numerics.programs.advance`."""
    _pass_on(first, stop, time, q, registers[0], True, out, rows, count)


@njit(cache=True)
def graded_relu_step(first, stop, time, q, q2, state, registers, options, out, rows, count):  # type: ignore[no-untyped-def]
    """One step of ``GradedReluVec`` neurons; arguments as in `neurosim.hardware.loihi.numerics.programs.advance`."""
    _pass_on(first, stop, time, q, registers[0], False, out, rows, count)


def graded_reference(q: Ints, q2: Ints, state: Ints, registers: Ints, options: Ints) -> Ints:
    """`graded_step` in plain NumPy: returns the messages."""
    return np.where(np.abs(q) > registers[0], q, 0)


def graded_relu_reference(q: Ints, q2: Ints, state: Ints, registers: Ints, options: Ints) -> Ints:
    """`graded_relu_step` in plain NumPy: returns the messages."""
    return np.where(q > registers[0], q, 0)
