"""Delayed synapses given as a list: as `neurosim.nn.cpu.delay_spikes` and `delay_tiles`, for the pairs that exist."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.delay_tiles import BLOCK, lay_out, take_out
from neurosim.nn.cpu.lanes import LANES, aligned, fill, fma, load, store
from neurosim.nn.cpu.rows import copy, row_of

__all__ = ["CHUNK", "collect_list", "pull_list", "push_list"]

CHUNK = 64
"""Neurons whose steps `pull_list` has in the second level of the cache at a time."""


@njit(cache=True, nogil=True)
def push_list(
    first: int, last: int, start: Any, step: Any, value: Any, begin: Any, offset: Any, early: Any, late: Any,
    rows: int, skip: int, out: Any,
) -> None:  # fmt: skip
    """Arrivals ``out [B, T - skip, n_post]`` from step ``skip`` on, of spikes sorted by (sample, neuron).

    Args:
        start, step, value: see `neurosim.nn.cpu.delay_spikes.by_neuron`.
        begin: the synapses of presynaptic neuron i are ``begin[i]`` to ``begin[i + 1]``.
        offset: m n_post + j of each.
        rows: at least T + the longest reach.
    """
    n_pre, n_post = len(begin) - 1, out.shape[2]
    due = np.empty(rows * n_post, out.dtype)
    width = np.uint64(n_post)  # a signed index would be tested for wrap-around
    kept = out.shape[1] * n_post
    for b in range(first, last):
        due[:] = 0
        for i in range(n_pre):
            k0, k1 = np.uint64(begin[i]), np.uint64(begin[i + 1])
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base, s = np.uint64(step[e]) * width, value[e]
                for k in range(k0, k1):
                    p = base + np.uint64(offset[k])
                    due[p] = fma(s, early[k], due[p])
                    due[p + width] = fma(s, late[k], due[p + width])
        copy(due, skip * n_post, kept, row_of(out, b * kept, kept), 0)


@njit(cache=True, nogil=True)
def collect_list(
    first: int, last: int, start: Any, step: Any, value: Any, begin: Any, offset: Any, grad: Any,
    rows: int, skip: int, a0: Any, a1: Any,
) -> None:  # fmt: skip
    """a0 and a1 of the synapses of presynaptic neurons first to last; grad ``[B, T - skip, n_post]``."""
    n_pre, n_post = len(begin) - 1, grad.shape[2]
    g = np.zeros(rows * n_post, grad.dtype)
    width = np.uint64(n_post)
    kept = grad.shape[1] * n_post
    for b in range(grad.shape[0]):
        copy(row_of(grad, b * kept, kept), 0, kept, g, skip * n_post)
        for i in range(first, last):
            k0, k1 = np.uint64(begin[i]), np.uint64(begin[i + 1])
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base, s = np.uint64(step[e]) * width, value[e]
                for k in range(k0, k1):
                    p = base + np.uint64(offset[k])
                    a0[k] += s * g[p]
                    a1[k] += s * g[p + width]


@njit(cache=True, nogil=True)
def pull_list(
    begin: int, end: int, x: Any, start: Any, source: Any, offset: Any, early: Any, late: Any,
    lead: int, reach: int, block: int, skip: int, out: Any,
) -> None:  # fmt: skip
    """out[b, t, q] = sum over synapses (p, q) of early x[b, t + o, p] + late x[b, t + o + 1, p].

    With o = offset + skip - lead, as in `neurosim.nn.cpu.delay_tiles.pull_tiles`, but with a list of synapses for each
    chunk of `CHUNK` neurons p and each q.

    Args:
        start: synapses of chunk c and neuron q are ``start[c n_q + q]`` to the next start.
        source: p of each, within its chunk; offset: below ``reach``.
    """
    n_p, n_q, steps = x.shape[2], out.shape[2], out.shape[1]
    height = block + reach
    window, total = aligned(CHUNK * height * LANES, x), aligned(n_q * block * LANES, x)
    lanes = np.uint64(LANES)
    parts = (steps + block - 1) // block
    for part in range(begin, end):
        first, from_step = part // parts * LANES, part % parts * block
        for clear in range(0, total.size, LANES):
            store(total, clear, fill(x.dtype.type(0)))
        for p0 in range(0, n_p, CHUNK):
            for p in range(p0, min(p0 + CHUNK, n_p), LANES):
                many = min(LANES, n_p - p)
                rest = window[(p - p0) * height * LANES :]
                for row in range(height):
                    lay_out(x, first, from_step + skip - lead + row, p, p + many, rest, row, height)
            for q in range(n_q):
                k0, k1 = start[p0 // CHUNK * n_q + q], start[p0 // CHUNK * n_q + q + 1]
                if k0 == k1:
                    continue
                for s in range(0, block, BLOCK):
                    at = np.uint64((q * block + s) * LANES)
                    y0, y1 = load(total, at), load(total, at + lanes)
                    y2, y3 = load(total, at + 2 * lanes), load(total, at + 3 * lanes)
                    y4, y5 = load(total, at + 4 * lanes), load(total, at + 5 * lanes)
                    y6, y7 = load(total, at + 6 * lanes), load(total, at + 7 * lanes)
                    for synapse in range(np.uint64(k0), np.uint64(k1)):
                        a, c = fill(early[synapse]), fill(late[synapse])
                        k = (
                            np.uint64(source[synapse]) * np.uint64(height) + np.uint64(s + offset[synapse])
                        ) * lanes
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
        for row in range(min(block, steps - from_step)):
            take_out(total, row, block, first, from_step + row, out)
