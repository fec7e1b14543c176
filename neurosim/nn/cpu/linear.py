"""Synapses without delays, driven by lists of spikes: sums of rows of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["add_outer", "sum_rows"]

BLOCK = 256
"""Postsynaptic neurons at a time: their weights from 1000 presynaptic ones fill a megabyte of cache."""


@njit(cache=True, nogil=True)
def sum_rows(first: int, last: int, row: Any, neuron: Any, value: Any, weight: Any, out: Any) -> None:
    """out [cells, n_post] = sum over a cell's spikes of value * weight [n_pre, n_post], for cells first to last.

    ``value`` has no entries if all are one; ``row`` and ``neuron`` are those of `neurosim.nn.ops.events.Events`.
    Four rows are added at a time, so that a sum is read and written once for four spikes.
    """
    n_post, binary = weight.shape[1], value.size == 0
    for low in range(0, n_post, BLOCK):
        high = min(low + BLOCK, n_post)
        for cell in range(first, last):
            total = out[cell, low:high]
            total[:] = 0
            e, end = row[cell], row[cell + 1]
            while e + 4 <= end:
                a, b = weight[neuron[e], low:high], weight[neuron[e + 1], low:high]
                c, d = weight[neuron[e + 2], low:high], weight[neuron[e + 3], low:high]
                if binary:
                    for j in range(total.size):
                        total[j] += (a[j] + b[j]) + (c[j] + d[j])
                else:
                    p, q, r, s = value[e], value[e + 1], value[e + 2], value[e + 3]
                    for j in range(total.size):
                        total[j] += (p * a[j] + q * b[j]) + (r * c[j] + s * d[j])
                e += 4
            while e < end:
                a = weight[neuron[e], low:high]
                p = total.dtype.type(1) if binary else value[e]
                for j in range(total.size):
                    total[j] += p * a[j]
                e += 1


@njit(cache=True, nogil=True)
def add_outer(first: int, last: int, row: Any, neuron: Any, value: Any, grad: Any, out: Any) -> None:
    """Add value * grad [cells, n_post] to row i of out [n_pre, n_post] for every spike of every neuron i.

    Only for the postsynaptic neurons first to last, each a block of 16.
    """
    binary = value.size == 0
    for low in range(first * 16, min(last * 16, out.shape[1]), BLOCK):
        high = min(low + BLOCK, last * 16, out.shape[1])
        for cell in range(row.size - 1):
            g = grad[cell, low:high]
            for e in range(row[cell], row[cell + 1]):
                total = out[np.int64(neuron[e]), low:high]
                p = total.dtype.type(1) if binary else value[e]
                for j in range(total.size):
                    total[j] += p * g[j]
