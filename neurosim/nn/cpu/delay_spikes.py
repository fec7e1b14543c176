"""Delayed synapses, spike by spike: at a cost that depends neither on the number of steps nor on the longest delay."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.lanes import fma
from neurosim.nn.cpu.rows import copy, row_of

__all__ = ["by_neuron", "collect", "push"]


@njit(cache=True, nogil=True)
def by_neuron(
    first: int,
    last: int,
    row: Any,
    neuron: Any,
    value: Any,
    steps: int,
    n: int,
    start: Any,
    step: Any,
    number: Any,
) -> None:
    """Sort the spikes of samples first to last by (neuron, step): b * n + i has ``start[b * n + i]`` to the next start.

    row, neuron, value: a list as in `neurosim.nn.ops.events`; without values all are one.
    """
    for b in range(first, last):
        at = start[b * n : b * n + n]
        at[:] = 0
        for e in range(row[b * steps], row[b * steps + steps]):
            at[neuron[e]] += 1
        total = row[b * steps]
        for i in range(n):
            at[i], total = total, total + at[i]
        free = at.copy()
        for t in range(steps):
            for e in range(row[b * steps + t], row[b * steps + t + 1]):
                k = free[neuron[e]]
                free[neuron[e]] = k + 1
                step[k] = t
                number[k] = value[e] if value.size else number.dtype.type(1)


@njit(cache=True, nogil=True)
def push(
    first: int, last: int, start: Any, step: Any, value: Any, offset: Any, early: Any, late: Any,
    rows: int, skip: int, out: Any,
) -> None:  # fmt: skip
    """Arrivals ``out [B, T - skip, n_post]`` from step ``skip`` on of the spikes that `by_neuron` sorted.

    Args:
        offset, early, late: ``[n_pre, n_post]``, see `neurosim.nn.cpu.delay_taps.transposed`.
        rows: at least T + the longest reach.
    """
    n_pre, n_post = offset.shape
    due = np.empty(rows * n_post, out.dtype)
    width = np.uint64(n_post)  # a signed index would be tested for wrap-around
    kept = out.shape[1] * n_post
    for b in range(first, last):
        due[:] = 0
        for i in range(n_pre):
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base, s = np.uint64(step[e]) * width, value[e]
                for j in range(n_post):
                    p = base + np.uint64(offset[i, j])
                    due[p] = fma(s, early[i, j], due[p])
                    due[p + width] = fma(s, late[i, j], due[p + width])
        copy(due, skip * n_post, kept, row_of(out, b * kept, kept), 0)


@njit(cache=True, nogil=True)
def collect(
    first: int, last: int, start: Any, step: Any, value: Any, offset: Any, grad: Any,
    rows: int, skip: int, a0: Any, a1: Any,
) -> None:  # fmt: skip
    """a0, a1 ``[n_pre, n_post]`` of presynaptic neurons first to last; grad ``[B, T - skip, n_post]``."""
    n_pre, n_post = offset.shape
    g = np.zeros(rows * n_post, grad.dtype)
    width = np.uint64(n_post)
    kept = grad.shape[1] * n_post
    for b in range(grad.shape[0]):
        copy(row_of(grad, b * kept, kept), 0, kept, g, skip * n_post)
        for i in range(first, last):
            e, end = start[b * n_pre + i], start[b * n_pre + i + 1]
            while e + 1 < end:  # two spikes at a time touch the rows of the synapses once
                base, s = np.uint64(step[e]) * width, value[e]
                base2, s2 = np.uint64(step[e + 1]) * width, value[e + 1]
                for j in range(n_post):
                    o = np.uint64(offset[i, j])
                    a0[i, j] += s * g[base + o] + s2 * g[base2 + o]
                    a1[i, j] += s * g[base + o + width] + s2 * g[base2 + o + width]
                e += 2
            if e < end:
                base, s = np.uint64(step[e]) * width, value[e]
                for j in range(n_post):
                    o = np.uint64(offset[i, j])
                    a0[i, j] += s * g[base + o]
                    a1[i, j] += s * g[base + o + width]
