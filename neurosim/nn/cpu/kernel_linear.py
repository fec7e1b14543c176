"""Synapses with a kernel over time each, spike by spike: a spike adds the kernels of all its synapses at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.rows import copy, row_of

__all__ = ["collect_kernels", "push_kernels"]


@njit(cache=True, nogil=True)
def push_kernels(
    first: int, last: int, start: Any, step: Any, value: Any, kernel: Any, skip: int, out: Any
) -> None:
    """Arrivals ``out [B, T - skip, n_post]`` of spikes sorted by `neurosim.nn.cpu.delay_spikes.by_neuron`.

    kernel: ``[n_pre, D, n_post]``; a spike of step s arrives through entry n in step s + n.
    """
    n_pre, length, n_post = kernel.shape
    steps = out.shape[1] + skip
    size, kept = length * n_post, out.shape[1] * n_post
    due = np.empty((steps + length) * n_post, out.dtype)
    for b in range(first, last):
        due[:] = 0
        for i in range(n_pre):
            one = row_of(kernel, i * size, size)
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base = np.int64(step[e]) * n_post
                here, s = due[base : base + one.size], value[e]
                for k in range(one.size):
                    here[k] += s * one[k]
        copy(due, skip * n_post, kept, row_of(out, b * kept, kept), 0)


@njit(cache=True, nogil=True)
def collect_kernels(
    first: int, last: int, start: Any, step: Any, value: Any, grad: Any, skip: int, total: Any
) -> None:
    """Add the kernels' gradients to ``total [n_pre, D, n_post]`` of presynaptic neurons first to last.

    grad: ``[B, T - skip, n_post]``.
    """
    n_pre, length, n_post = total.shape
    steps = grad.shape[1] + skip
    size, kept = length * n_post, grad.shape[1] * n_post
    g = np.zeros((steps + length) * n_post, grad.dtype)
    for b in range(len(grad)):
        copy(row_of(grad, b * kept, kept), 0, kept, g, skip * n_post)
        for i in range(first, last):
            one = row_of(total, i * size, size)
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base = np.int64(step[e]) * n_post
                here, s = g[base : base + one.size], value[e]
                for k in range(one.size):
                    one[k] += s * here[k]
