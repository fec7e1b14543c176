"""Lava's ``ATRLIF``: an adaptive threshold theta and a refractory state r beside the potential.

    i <- (1 - delta_i) i + a
    v <- (1 - delta_v) v + i + bias
    theta <- (1 - delta_theta) (theta - theta_0) + theta_0
    r <- (1 - delta_r) r
    spike if v - r >= theta              then r <- r + 2 theta and theta <- theta + theta_step; v is not reset

In fixed point the states have six bits behind the point (arrivals, theta_0 and theta_step << 6) and decays round toward
zero. The decays stay fractions, multiplied by 4096 when they are used: i keeps ``4096 - delta_i * 4096 - 1`` parts, a
fraction whose product with i is cut, the others whole parts. i wraps once and v saturates as in ``LIF``; theta and r do
neither. Lava tags the model as bit accurate, but a chip holds no such fractions. Source: lava-nc/lava,
``proc/atrlif/models.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from neurosim.hardware.loihi.numerics.arithmetic import (
    STATE_MAX,
    decay,
    decay_array,
    wrap_once,
    wrap_once_array,
)
from neurosim.hardware.loihi.numerics.overflow import Cause, Overflows, located, note, overflow_rows

__all__ = ["AdaptiveTrace", "Parameters", "reference", "run", "run_float"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """As Lava's process has them: fractions that are lost in a step, and the threshold in units of an arrival."""

    delta_i: float = 0.4
    delta_v: float = 0.4
    delta_theta: float = 0.2
    delta_r: float = 0.2
    theta_0: float = 5.0
    theta_step: float = 3.75


@dataclass(frozen=True)
class AdaptiveTrace:
    """State after every step, [T, n] each: int64, or float64 of the floating-point model; ``spike`` int64."""

    i: NDArray[np.int64] | Floats
    v: NDArray[np.int64] | Floats
    theta: NDArray[np.int64] | Floats
    r: NDArray[np.int64] | Floats
    spike: Ints
    overflows: Overflows


@njit(cache=True)
def _cut(i, keep):  # type: ignore[no-untyped-def]
    product = np.int64(i * keep)  # toward zero
    return -((-product) >> 12) if product < 0 else product >> 12


@njit(cache=True)
def _run(a, bias, keep_i, keep_v, keep_theta, keep_r, theta_0, theta_step, history, rows, count):  # type: ignore[no-untyped-def]
    steps, n = a.shape
    for t in range(steps):
        for k in range(n):
            i, v, theta, r = np.int64(0), np.int64(0), np.int64(theta_0), np.int64(0)
            if t:
                i, v, theta, r = (
                    history[0, t - 1, k],
                    history[1, t - 1, k],
                    history[2, t - 1, k],
                    history[3, t - 1, k],
                )
            raw = _cut(i, keep_i) + (a[t, k] << 6)
            i = wrap_once(raw)
            if i != raw:
                note(1, t, k, raw, rows, count)
            v = decay(v, keep_v) + i + bias[k]
            if v > STATE_MAX:
                note(3, t, k, v, rows, count)
                v = np.int64(STATE_MAX)
            elif v < -STATE_MAX:
                note(4, t, k, v, rows, count)
                v = np.int64(-STATE_MAX)
            theta = decay(theta - theta_0, keep_theta) + theta_0
            r = decay(r, keep_r)
            spike = v - r >= theta
            if spike:
                r += 2 * theta
                theta += theta_step
            if theta > STATE_MAX or r > STATE_MAX:
                note(5, t, k, max(theta, r), rows, count)
            history[0, t, k], history[1, t, k], history[2, t, k], history[3, t, k] = i, v, theta, r
            history[4, t, k] = spike


def _registers(p: Parameters) -> tuple[float, int, int, int, int, int]:
    keep = [int(4096 - d * 4096) for d in (p.delta_v, p.delta_theta, p.delta_r)]
    return (
        4096 - (p.delta_i * 4096 + 1),
        keep[0],
        keep[1],
        keep[2],
        int(p.theta_0 * 64),
        int(p.theta_step * 64),
    )


def run(a: Ints, parameters: Parameters, *, bias: ArrayLike = 0, rows: int = 64) -> AdaptiveTrace:
    """Run fixed-point neurons on given arrivals with the compiled kernel.

    Args:
        a: arrivals int64 [T, n], in units of a weight.
        bias: value (mantissa << exponent), a number or [n].
        rows: how many overflows to keep with their place; all are counted.
    """
    a = np.ascontiguousarray(a, dtype=np.int64)
    history = np.zeros((5, *a.shape), np.int64)
    found, count = overflow_rows(rows)
    biases = np.array(np.broadcast_to(np.asarray(bias, np.int64), a.shape[1:]), order="C")
    _run(a, biases, *_registers(parameters), history, found, count)
    i, v, theta, r, spike = history
    return AdaptiveTrace(i, v, theta, r, spike, Overflows(count, located(found, count)))


def reference(a: Ints, parameters: Parameters, *, bias: ArrayLike = 0) -> AdaptiveTrace:
    """The same as `run` in plain NumPy; overflows are counted, not located."""
    keep_i, keep_v, keep_theta, keep_r, theta_0, theta_step = _registers(parameters)
    i, v, r = (np.zeros(a.shape[1], np.int64) for _ in range(3))
    theta = np.full(a.shape[1], theta_0, np.int64)
    count, history = np.zeros(len(Cause.NAMES), np.int64), []
    for arrivals in np.asarray(a, dtype=np.int64):
        product = (i * keep_i).astype(np.int64)
        raw = decay_array(product, 1) + (arrivals << 6)
        i = wrap_once_array(raw)
        count[Cause.CURRENT] += np.count_nonzero(i != raw)
        raw = decay_array(v, keep_v) + i + np.asarray(bias, np.int64)
        v = np.clip(raw, -STATE_MAX, STATE_MAX)
        count[Cause.UPPER] += np.count_nonzero(raw > v)
        count[Cause.LOWER] += np.count_nonzero(raw < v)
        theta = decay_array(theta - theta_0, keep_theta) + theta_0
        r = decay_array(r, keep_r)
        spike = v - r >= theta
        r, theta = r + 2 * theta * spike, theta + theta_step * spike
        count[Cause.STATE] += np.count_nonzero(np.maximum(theta, r) > STATE_MAX)
        history.append((i, v, theta, r, spike))
    return AdaptiveTrace(
        i=_column(history, 0, a.shape),
        v=_column(history, 1, a.shape),
        theta=_column(history, 2, a.shape),
        r=_column(history, 3, a.shape),
        spike=_column(history, 4, a.shape).astype(np.int64),
        overflows=Overflows(count, np.zeros((0, 4), np.int64)),
    )


def _column(history: list[tuple[Any, ...]], k: int, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.array([row[k] for row in history]).reshape(shape)


def run_float(a: ArrayLike, parameters: Parameters, *, bias: ArrayLike = 0.0) -> AdaptiveTrace:
    """Lava's floating-point model, operation for operation in double precision (NumPy). Nothing overflows."""
    p, a = parameters, np.asarray(a, dtype=np.float64)
    i, v, r = (np.zeros(a.shape[1]) for _ in range(3))
    theta, history = np.full(a.shape[1], float(p.theta_0)), []
    for arrivals in a:
        i = (1 - p.delta_i) * i + arrivals
        v = (1 - p.delta_v) * v + i + bias
        theta = (1 - p.delta_theta) * (theta - p.theta_0) + p.theta_0
        r = (1 - p.delta_r) * r
        spike = v - r >= theta
        r, theta = np.where(spike, r + 2 * theta, r), np.where(spike, theta + p.theta_step, theta)
        history.append((i, v, theta, r, spike))
    return AdaptiveTrace(
        i=_column(history, 0, a.shape),
        v=_column(history, 1, a.shape),
        theta=_column(history, 2, a.shape),
        r=_column(history, 3, a.shape),
        spike=_column(history, 4, a.shape).astype(np.int64),
        overflows=Overflows(np.zeros(len(Cause.NAMES), np.int64), np.zeros((0, 4), np.int64)),
    )
