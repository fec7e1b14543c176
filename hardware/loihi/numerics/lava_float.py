"""Lava's floating-point ``LIF`` and ``LIFRefractory``, operation for operation in double precision.

    u <- u * (1 - du) + a
    v <- v * (1 - dv) + u + bias         of a refractory neuron only where its dead time is over, else v is held
    spike if v > threshold               then v <- 0, and v is held in the next ``refractory_period`` steps

The sum is taken from left to right; of a refractory neuron u + bias first. Lava has no fixed-point model with a dead
time: those of the integer kernel are nengo-loihi's. Source: lava-nc/lava, ``proc/lif/models.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

__all__ = ["FloatTrace", "reference", "run"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FloatTrace:
    """State after every step: ``u``, ``v`` float64 [T, n]; ``spike`` int64 [T, n]."""

    u: Floats
    v: Floats
    spike: NDArray[np.int64]


@njit(cache=True)
def _run(a, du, dv, threshold, bias, period, us, vs, spikes):  # type: ignore[no-untyped-def]
    steps, n = a.shape
    for i in range(n):
        u, v, end = 0.0, 0.0, 0
        for t in range(steps):
            u = u * (1 - du) + a[t, i]
            if period == 0:
                v = v * (1 - dv) + u + bias[i]
            elif end < t + 1:  # Lava counts steps from 1
                v = v * (1 - dv) + (u + bias[i])
            spikes[t, i] = v > threshold
            if v > threshold:
                v, end = 0.0, t + 1 + period
            us[t, i], vs[t, i] = u, v


def run(
    a: ArrayLike, *, du: float, dv: float, threshold: float, bias: ArrayLike = 0.0, refractory_period: int = 0
) -> FloatTrace:
    """Run neurons on given arrivals with the compiled kernel.

    Args:
        a: arrivals [T, n], with the weights as they are.
        du, dv: the parts of u and v that are lost in a step.
        bias: a number or [n].
        refractory_period: of ``LIFRefractory``, at least 1; 0 is ``LIF``.
    """
    a = np.ascontiguousarray(a, dtype=np.float64)
    us, vs, spikes = np.zeros_like(a), np.zeros_like(a), np.zeros(a.shape, np.int64)
    biases = np.array(np.broadcast_to(np.asarray(bias, np.float64), a.shape[1:]), order="C")
    _run(a, float(du), float(dv), float(threshold), biases, refractory_period, us, vs, spikes)
    return FloatTrace(us, vs, spikes)


def reference(
    a: ArrayLike, *, du: float, dv: float, threshold: float, bias: ArrayLike = 0.0, refractory_period: int = 0
) -> FloatTrace:
    """The same as `run` in plain NumPy."""
    a = np.asarray(a, dtype=np.float64)
    u, v, end = np.zeros(a.shape[1]), np.zeros(a.shape[1]), np.zeros(a.shape[1], np.int64)
    history = []
    for t, arrivals in enumerate(a):
        u = u * (1 - du) + arrivals
        if refractory_period:
            v = np.where(end < t + 1, v * (1 - dv) + (u + bias), v)
        else:
            v = v * (1 - dv) + u + bias
        spike = v > threshold
        v, end = np.where(spike, 0.0, v), np.where(spike, t + 1 + refractory_period, end)
        history.append((u, v, spike))
    us, vs, spikes = (np.array([row[k] for row in history]).reshape(a.shape) for k in range(3))
    return FloatTrace(us, vs, spikes.astype(np.int64))
