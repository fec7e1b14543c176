"""Signals delayed by neuron: each by a real-valued number of steps of its own, shared between two whole ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.rows import copy, row_of

__all__ = ["shift", "shift_back"]


@njit(cache=True, nogil=True)
def shift(first: int, last: int, x: Any, step: Any, share: Any, reach: int, skip: int, out: Any) -> None:
    """out[b, t - skip, i] = (1 - f) x[b, t - m, i] + f x[b, t - m - 1, i] with m = step[i] < reach, f = share[i]."""
    steps, n = x.shape[1], x.shape[2]
    past = np.zeros((reach + steps) * n, x.dtype)
    width = np.uint64(n)
    one = x.dtype.type(1)
    for b in range(first, last):
        copy(row_of(x, b * steps * n, steps * n), 0, steps * n, past, reach * n)
        for t in range(skip, steps):
            for i in range(n):
                k = np.uint64((t + reach - step[i]) * n + i)
                out[b, t - skip, i] = (one - share[i]) * past[k] + share[i] * past[k - width]


@njit(cache=True, nogil=True)
def shift_back(
    first: int, last: int, x: Any, step: Any, share: Any, reach: int, skip: int, grad: Any,
    grad_x: Any, grad_step: Any,
) -> None:  # fmt: skip
    """Gradients ``grad_x [B, T, n]``, and by sample those of the delays, ``grad_step [B, n]``."""
    steps, n = x.shape[1], x.shape[2]
    later = np.zeros((steps + reach) * n, x.dtype)
    kept = (steps - skip) * n
    width = np.uint64(n)
    one = x.dtype.type(1)
    for b in range(first, last):
        copy(row_of(grad, b * kept, kept), 0, kept, later, skip * n)
        grad_step[b] = 0
        for t in range(steps):
            for i in range(n):
                k = np.uint64((t + step[i]) * n + i)
                g0, g1 = later[k], later[k + width]
                grad_x[b, t, i] = (one - share[i]) * g0 + share[i] * g1
                grad_step[b, i] += x[b, t, i] * (g1 - g0)
