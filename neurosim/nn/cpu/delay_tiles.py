"""Delayed synapses, synapse by synapse over time, for tiles of `LANES` samples: a step of a neuron is one vector.

A tile is laid out ``[neuron, step, LANES]``, so that a delay is an offset. What is added up stays in registers, what
it is read from in the first two levels of the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.lanes import LANES, aligned, fill, fma, load, store, sums_of_pairs
from neurosim.nn.cpu.tiles import transpose

__all__ = ["BLOCK", "GROUP", "collect_tiles", "lay_out", "pull_tiles", "take_out"]

BLOCK = 8
"""Steps that `pull_tiles` has in registers."""
GROUP = 16
"""Postsynaptic neurons that `collect_tiles` reads together; two threads share none."""
_NEAR = 8000
"""Vectors that stay in the second level of the cache: 512 KiB."""


@njit(cache=True, nogil=True)
def lay_out(x: Any, first: int, t: int, begin: int, end: int, tile: Any, row: int, height: int) -> None:
    """tile[i - begin, row, :] = x[first:, t, i] for begin <= i < end; zero where x ends. x [B, T, n], tile flat."""
    samples, steps, n = x.shape
    count = min(LANES, samples - first)
    if not 0 <= t < steps:
        for k in range(end - begin):
            store(tile, (k * height + row) * LANES, fill(x.dtype.type(0)))
    elif count == LANES and end - begin == LANES:
        transpose(x, (first * steps + t) * n + begin, steps * n, tile, row * LANES, height * LANES)
    else:
        for k in range(end - begin):
            at = np.uint64((k * height + row) * LANES)
            for b in range(count):
                tile[at + np.uint64(b)] = x[first + b, t, begin + k]
            for b in range(count, LANES):
                tile[at + np.uint64(b)] = 0


@njit(cache=True, nogil=True)
def take_out(tile: Any, row: int, height: int, first: int, t: int, x: Any) -> None:
    """x[first:, t, :] = tile[:, row, :]; x [B, T, n], tile flat."""
    samples, steps, n = x.shape
    count, whole = min(LANES, samples - first), 0
    if count == LANES:
        whole = n - n % LANES
        for i in range(0, whole, LANES):
            begin = (i * height + row) * LANES
            transpose(tile, begin, height * LANES, x, (first * steps + t) * n + i, steps * n)
    for i in range(whole, n):
        at = np.uint64((i * height + row) * LANES)
        for b in range(count):
            x[first + b, t, i] = tile[at + np.uint64(b)]


@njit(cache=True, nogil=True)
def pull_tiles(
    begin: int, end: int, x: Any, offset: Any, early: Any, late: Any, stride_p: int, stride_q: int,
    lead: int, reach: int, block: int, skip: int, out: Any,
) -> None:  # fmt: skip
    """out[b, t, q] = sum over p of early x[b, t + o, p] + late x[b, t + o + 1, p] with o = offset + skip - lead.

    Synapse (p, q) is entry p stride_p + q stride_q of the flat arrays offset, early and late. Arrivals at the
    neurons and, with the roles of both sides swapped, gradients at the spikes; x is zero outside of its steps.

    Args:
        begin, end: of all parts of the work: parts of ``block`` steps (a multiple of `BLOCK`) of a tile.
        x: ``[B, T, n_p]``; out: ``[B, T', n_q]``.
        reach: offset < reach.
    """
    n_p, n_q, steps = x.shape[2], out.shape[2], out.shape[1]
    height = block + reach
    window, total = aligned(LANES * height * LANES, x), aligned(n_q * block * LANES, x)
    lanes = np.uint64(LANES)
    parts = (steps + block - 1) // block
    for part in range(begin, end):
        first, start = part // parts * LANES, part % parts * block
        for clear in range(0, total.size, LANES):
            store(total, clear, fill(x.dtype.type(0)))
        for p0 in range(0, n_p, LANES):
            many = min(LANES, n_p - p0)
            for row in range(height):
                lay_out(x, first, start + skip - lead + row, p0, p0 + many, window, row, height)
            for q in range(n_q):
                for s in range(0, block, BLOCK):
                    at = np.uint64((q * block + s) * LANES)
                    y0, y1 = load(total, at), load(total, at + lanes)
                    y2, y3 = load(total, at + 2 * lanes), load(total, at + 3 * lanes)
                    y4, y5 = load(total, at + 4 * lanes), load(total, at + 5 * lanes)
                    y6, y7 = load(total, at + 6 * lanes), load(total, at + 7 * lanes)
                    for p in range(many):
                        synapse = np.uint64((p0 + p) * stride_p + q * stride_q)
                        a, c = fill(early[synapse]), fill(late[synapse])
                        k = (np.uint64(p * height + s) + np.uint64(offset[synapse])) * lanes
                        x0, x1 = load(window, k), load(window, k + lanes)
                        y0 = fma(c, x1, fma(a, x0, y0))
                        x2 = load(window, k + 2 * lanes)
                        y1 = fma(c, x2, fma(a, x1, y1))
                        x3 = load(window, k + 3 * lanes)
                        y2 = fma(c, x3, fma(a, x2, y2))
                        x4 = load(window, k + 4 * lanes)
                        y3 = fma(c, x4, fma(a, x3, y3))
                        x5 = load(window, k + 5 * lanes)
                        y4 = fma(c, x5, fma(a, x4, y4))
                        x6 = load(window, k + 6 * lanes)
                        y5 = fma(c, x6, fma(a, x5, y5))
                        x7 = load(window, k + 7 * lanes)
                        y6 = fma(c, x7, fma(a, x6, y6))
                        x8 = load(window, k + 8 * lanes)
                        y7 = fma(c, x8, fma(a, x7, y7))
                    store(total, at, y0)
                    store(total, at + lanes, y1)
                    store(total, at + 2 * lanes, y2)
                    store(total, at + 3 * lanes, y3)
                    store(total, at + 4 * lanes, y4)
                    store(total, at + 5 * lanes, y5)
                    store(total, at + 6 * lanes, y6)
                    store(total, at + 7 * lanes, y7)
        for row in range(min(block, steps - start)):
            take_out(total, row, block, first, start + row, out)


@njit(cache=True, nogil=True)
def _active(
    row: Any,
    neuron: Any,
    value: Any,
    first: int,
    count: int,
    steps: int,
    n: int,
    start: Any,
    step: Any,
    spikes: Any,
) -> None:
    """The steps in which neuron i fires in any sample of a tile: ``step[start[i] : start[i + 1]]``, and the vectors."""
    latest = np.full(n, -1, np.int64)
    start[:] = 0
    for t in range(steps):
        for b in range(first, first + count):
            for e in range(row[b * steps + t], row[b * steps + t + 1]):
                i = neuron[e]
                if latest[i] != t:
                    latest[i] = t
                    start[i + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    free = start[:n].copy()
    latest[:] = -1
    for t in range(steps):
        for b in range(first, first + count):
            for e in range(row[b * steps + t], row[b * steps + t + 1]):
                i = neuron[e]
                if latest[i] != t:
                    latest[i] = t
                    step[free[i]] = t
                    store(spikes, free[i] * LANES, fill(spikes.dtype.type(0)))
                    free[i] += 1
                s = value[e] if value.size else spikes.dtype.type(1)
                spikes[np.uint64((free[i] - 1) * LANES + b - first)] = s


@njit(cache=True, nogil=True)
def collect_tiles(
    begin: int,
    end: int,
    row: Any,
    neuron: Any,
    value: Any,
    grad: Any,
    step: Any,
    skip: int,
    rows: int,
    pairs: Any,
) -> None:
    """Add to ``pairs`` (see `neurosim.nn.cpu.delay_taps.finish_pairs`) for the groups begin to end of `GROUP` neurons.

    Args:
        row, neuron, value: a list as in `neurosim.nn.ops.events`; without values all are one.
        grad: ``[B, T - skip, n_post]``; step: ``[n_post, n_pre]``; rows: at least T + the longest reach.
    """
    samples, n_post = grad.shape[0], grad.shape[2]
    steps, n = grad.shape[1] + skip, step.shape[1]
    start, when = np.empty(n + 1, np.int64), np.empty(steps * n, np.uint32)
    spikes, g = aligned(steps * n * LANES, grad), aligned(GROUP * rows * LANES, grad)
    lanes = np.uint64(LANES)
    zero = fill(grad.dtype.type(0))
    for clear in range(0, g.size, LANES):
        store(g, clear, zero)
    for first in range(0, samples, LANES):
        _active(row, neuron, value, first, min(LANES, samples - first), steps, n, start, when, spikes)
        for j0 in range(begin * GROUP, min(end * GROUP, n_post), GROUP):
            many = min(GROUP, n_post - j0)
            for r in range(skip, steps):
                lay_out(grad, first, r - skip, j0, j0 + many, g, r, rows)
            i0 = 0
            while i0 < n:
                i1 = i0 + 1
                while i1 < n and start[i1 + 1] - start[i0] <= _NEAR:
                    i1 += 1
                for j in range(0, many, 4):
                    ja, jb, jc = min(j + 1, many - 1), min(j + 2, many - 1), min(j + 3, many - 1)
                    for i in range(i0, i1):
                        e, e1 = np.uint64(start[i]), np.uint64(start[i + 1])
                        if e == e1:
                            continue
                        p = np.uint64(j * rows + step[j0 + j, i]) * lanes
                        pa = np.uint64(ja * rows + step[j0 + ja, i]) * lanes
                        pb = np.uint64(jb * rows + step[j0 + jb, i]) * lanes
                        pc = np.uint64(jc * rows + step[j0 + jc, i]) * lanes
                        x0, x1, y0, y1, z0, z1, w0, w1 = zero, zero, zero, zero, zero, zero, zero, zero
                        for k in range(e, e1):
                            s, t = load(spikes, k * lanes), np.uint64(when[k]) * lanes
                            x0, x1 = fma(s, load(g, p + t), x0), fma(s, load(g, p + t + lanes), x1)
                            y0, y1 = fma(s, load(g, pa + t), y0), fma(s, load(g, pa + t + lanes), y1)
                            z0, z1 = fma(s, load(g, pb + t), z0), fma(s, load(g, pb + t + lanes), z1)
                            w0, w1 = fma(s, load(g, pc + t), w0), fma(s, load(g, pc + t + lanes), w1)
                        at = np.uint64(((j0 + j) // 4 * n + i) * LANES)
                        store(pairs, at, load(pairs, at) + sums_of_pairs(x0, x1, y0, y1, z0, z1, w0, w1))
                i0 = i1
