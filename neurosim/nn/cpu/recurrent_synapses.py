"""Square synapses one step at a time: what a recurrent layer does between two steps of its neurons.

Forward, a sample's spikes are pushed onto the rows of what is to come. Backward, in reverse time, a tile of samples
pulls the gradients of its spikes from those of the later arrivals: a vector of samples for every synapse, since
every surrogate may be non-zero.

Weights and taps are flat here, in two orders. By presynaptic neuron i, then j: pushed from. In blocks of `BLOCK`
postsynaptic neurons, in a block by i, then j: pulled along; a block's gradients then stay in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.lanes import LANES, fill, fma, load, store
from neurosim.nn.cpu.rows import copy

__all__ = [
    "BLOCK",
    "add_outer_next",
    "clear",
    "keep_row",
    "move_rows",
    "pull_next",
    "pull_taps",
    "push_next",
    "push_taps",
]

BLOCK = 8
"""Neurons whose gradients are handled at a time."""


@njit(nogil=True)
def clear(flat: Any, start: int) -> None:
    """flat[start:] = 0."""
    for k in range(start, flat.size):
        flat[k] = 0


@njit(nogil=True)
def push_next(neuron: Any, first: int, last: int, weight: Any, due: Any) -> None:
    """due = sum of the rows weight [n_pre, n_post] of the spikes neuron[first:last]: what arrives one step later."""
    for j in range(due.size):
        due[j] = 0
    e = first
    while e + 4 <= last:  # due is read and written once for four spikes
        a, b, c, d = weight[neuron[e]], weight[neuron[e + 1]], weight[neuron[e + 2]], weight[neuron[e + 3]]
        for j in range(due.size):
            due[j] += (a[j] + b[j]) + (c[j] + d[j])
        e += 4
    while e < last:
        a = weight[neuron[e]]
        for j in range(due.size):
            due[j] += a[j]
        e += 1


@njit(nogil=True)
def push_taps(
    neuron: Any, first: int, last: int, now: int, offset: Any, early: Any, late: Any, due: Any
) -> None:
    """Add the taps [n_pre, n_post] of the spikes neuron[first:last] to ``due``, flat rows of n_post, from row ``now``.

    offset = m * n_post + j, uint32. Indices are unsigned: a signed one costs a test for wrap-around.
    """
    width = np.uint64(offset.shape[1])
    base = np.uint64(now) * width
    for e in range(first, last):
        i = neuron[e]
        for j in range(offset.shape[1]):
            p = base + np.uint64(offset[i, j])
            due[p] += early[i, j]
            due[p + width] += late[i, j]


@njit(nogil=True)
def pull_next(n: int, padded: int, weight: Any, later: Any, out: Any) -> None:
    """out[i] = sum over j of weight[j, i] * later[j]; out and later are flat tiles of samples.

    weight [n, padded], flat, with ``padded`` a multiple of `BLOCK`; ``out`` is as long. Eight sums stay in registers.
    """
    for i in range(0, padded, BLOCK):
        zero = fill(out.dtype.type(0))
        a, b, c, d, e, f, g, h = zero, zero, zero, zero, zero, zero, zero, zero
        k = np.uint64(i)
        for j in range(n):
            x = load(later, np.uint64(j * LANES))
            a = fma(fill(weight[k]), x, a)
            b = fma(fill(weight[k + np.uint64(1)]), x, b)
            c = fma(fill(weight[k + np.uint64(2)]), x, c)
            d = fma(fill(weight[k + np.uint64(3)]), x, d)
            e = fma(fill(weight[k + np.uint64(4)]), x, e)
            f = fma(fill(weight[k + np.uint64(5)]), x, f)
            g = fma(fill(weight[k + np.uint64(6)]), x, g)
            h = fma(fill(weight[k + np.uint64(7)]), x, h)
            k += np.uint64(padded)
        store(out, np.uint64(i * LANES), a)
        store(out, np.uint64((i + 1) * LANES), b)
        store(out, np.uint64((i + 2) * LANES), c)
        store(out, np.uint64((i + 3) * LANES), d)
        store(out, np.uint64((i + 4) * LANES), e)
        store(out, np.uint64((i + 5) * LANES), f)
        store(out, np.uint64((i + 6) * LANES), g)
        store(out, np.uint64((i + 7) * LANES), h)


@njit(nogil=True)
def pull_taps(n: int, rows: int, now: int, offset: Any, early: Any, late: Any, later: Any, out: Any) -> None:
    """out[i] = sum over j of early * later[now + m, j] + late * later[now + m + 1, j], with the taps of (i, j).

    later: blocks of ``rows`` steps of `BLOCK` neurons of a tile; taps in blocks [blocks, n, BLOCK], flat, with
    offset = (m * BLOCK + j % BLOCK) * LANES; neurons that are none have early = late = 0.
    """
    step = np.uint64(BLOCK * LANES)
    k = np.uint64(0)
    for block in range(later.size // (rows * BLOCK * LANES)):
        base = np.uint64(block * rows + now) * step
        for i in range(n):
            place = np.uint64(i * LANES)
            zero = fill(out.dtype.type(0))
            total, other = zero if block == 0 else load(out, place), zero
            for _ in range(BLOCK):
                p = base + np.uint64(offset[k])
                total = fma(fill(early[k]), load(later, p), total)
                other = fma(fill(late[k]), load(later, p + step), other)
                k += np.uint64(1)
            store(out, place, total + other)


@njit(nogil=True)
def keep_row(row: Any, n: int, rows: int, now: int, later: Any) -> None:
    """Write a tile's step ``row`` (flat) into the blocks that `pull_taps` reads, as their step ``now``."""
    size = BLOCK * LANES
    for block in range(later.size // (rows * size)):
        count = min(size, (n - block * BLOCK) * LANES)
        start, at = block * size, (block * rows + now) * size
        copy(row, start, count, later, at)


@njit(nogil=True)
def move_rows(source: int, target: int, count: int, rows: int, later: Any) -> None:
    """Copy ``count`` steps of all blocks from step ``source`` to step ``target``; the two must not overlap."""
    size = BLOCK * LANES
    for block in range(later.size // (rows * size)):
        start = block * rows * size
        a, b = start + source * size, start + target * size
        copy(later, a, count * size, later, b)


@njit(cache=True, nogil=True)
def add_outer_next(first: int, last: int, row: Any, neuron: Any, grad: Any, rest: Any, out: Any) -> None:
    """Add to row i of out [n_pre, n_post], for every spike of neuron i, the gradients of the arrivals one step later.

    grad [B, T, n_post], and rest [B, n_post] for the step T. Only for the postsynaptic neurons first to last, each a
    block of `LANES`.
    """
    samples, steps, n = grad.shape
    low, high = first * LANES, min(last * LANES, n)
    for b in range(samples):
        for t in range(steps):
            g = grad[b, t + 1, low:high] if t + 1 < steps else rest[b, low:high]
            for e in range(row[b * steps + t], row[b * steps + t + 1]):
                total = out[np.int64(neuron[e]), low:high]
                for j in range(total.size):
                    total[j] += g[j]
