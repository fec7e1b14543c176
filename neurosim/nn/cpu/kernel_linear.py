"""Synapses with a kernel over time each, spike by spike: a spike adds the kernels of all its synapses at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

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
    due = np.empty((steps + length) * n_post, out.dtype)
    for b in range(first, last):
        due[:] = 0
        for i in range(n_pre):
            one = kernel[i].reshape(-1)
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base = np.int64(step[e]) * n_post
                here, s = due[base : base + one.size], value[e]
                for k in range(one.size):
                    here[k] += s * one[k]
        out[b].reshape(-1)[:] = due[skip * n_post : steps * n_post]


@njit(cache=True, nogil=True)
def collect_kernels(
    first: int, last: int, start: Any, step: Any, value: Any, grad: Any, skip: int, total: Any
) -> None:
    """Add the kernels' gradients to ``total [n_pre, D, n_post]`` of presynaptic neurons first to last.

    grad: ``[B, T - skip, n_post]``.
    """
    n_pre, length, n_post = total.shape
    steps = grad.shape[1] + skip
    g = np.zeros((steps + length) * n_post, grad.dtype)
    for b in range(len(grad)):
        g[skip * n_post : steps * n_post] = grad[b].reshape(-1)
        for i in range(first, last):
            one = total[i].reshape(-1)
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base = np.int64(step[e]) * n_post
                here, s = g[base : base + one.size], value[e]
                for k in range(one.size):
                    one[k] += s * here[k]
