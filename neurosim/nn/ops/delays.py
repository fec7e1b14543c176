"""Synapses with a weight and a real-valued delay each: two taps on the time grid, and their exact gradients.

A spike of step s over a delay d arrives in step s + m with weight w (1 - f) and in step s + m + 1 with w f, where
m = floor(d) and f = d - m (linear interpolation). With S the spikes, G the gradient of the arrivals and
A0 = sum S[s] G[s + m], A1 = sum S[s] G[s + m + 1] over the spikes of a synapse::

    dL/dw = (1 - f) A0 + f A1        dL/dd = w (A1 - A0)        dL/dS[s] = w (1 - f) G[s + m] + w f G[s + m + 1]

dL/dd is the derivative to the right at whole delays, to the left at the longest one. Few spikes are pushed one by one,
at a cost that depends neither on the number of steps nor on the longest delay; many are handled synapse by synapse
as vectors over time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.ops.membrane import sample_major, time_major
from neurosim.nn.ops.threads import for_range

__all__ = ["DENSE_ABOVE", "delayed_linear"]

DENSE_ABOVE = 0.2
"""Share of non-zero inputs above which vectors over time win: both cost the same at 0.2 to 0.25 (256 to 256 neurons,
60 to 100 steps, one core with AVX-512)."""

Array = NDArray[Any]


class _Taps(NamedTuple):
    """Arrays ``[n_pre, n_post]``: m, and the weights w (1 - f) and w f of the two taps."""

    step: NDArray[np.uint32]
    early: Array
    late: Array


def _transposed(x: Tensor) -> Array:
    """Weights or delays ``[n_post, n_pre]`` as the kernels want them."""
    return np.ascontiguousarray(x.detach().numpy().T)


def _fraction(delay: Array, longest: int) -> tuple[NDArray[np.uint32], Array]:
    """m and f of delays clamped to [0, longest]."""
    d = np.clip(delay, 0, longest)
    m = np.minimum(np.floor(d), max(longest - 1, 0))
    return m.astype(np.uint32), d - m


class _Events(NamedTuple):
    """Non-zero inputs grouped by (sample, neuron): those of b * n + i are ``start[b * n + i]`` to the next start."""

    start: NDArray[np.int64]
    step: NDArray[np.uint32]
    value: Array


@njit(cache=True, nogil=True)
def _count(first: int, last: int, x: Any, count: Any) -> None:
    """count[b] = number of non-zero x [B, T, n] of sample b."""
    for b in range(first, last):
        total = 0
        flat = x[b].reshape(-1)
        for k in range(flat.size):
            total += flat[k] != 0
        count[b] = total


@njit(cache=True, nogil=True)
def _gather(first: int, last: int, x: Any, before: Any, start: Any, step: Any, value: Any) -> None:
    """Sort the non-zero x [B, T, n] of each sample by (neuron, step); before[b] = events of the samples before b."""
    steps, n = x.shape[1], x.shape[2]
    for b in range(first, last):
        at = start[b * n : b * n + n]
        found = np.empty(before[b + 1] - before[b], np.int64)
        k = 0
        at[:] = 0
        for t in range(steps):
            for i in range(n):
                if x[b, t, i] != 0:
                    found[k] = t * n + i
                    at[i] += 1
                    k += 1
        total = before[b]
        for i in range(n):
            at[i], total = total, total + at[i]
        free = at.copy()
        for k in range(found.size):
            t, i = found[k] // n, found[k] % n
            step[free[i]] = t
            value[free[i]] = x[b, t, i]
            free[i] += 1


def _events(x: Array) -> _Events | None:
    """The non-zero entries of x [B, T, n], or None if there are too many of them."""
    count = np.empty(len(x), np.int64)
    for_range(_count, len(x), x, count)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
    total = int(before[-1])
    if total > DENSE_ABOVE * x.size:
        return None
    start = np.full(len(x) * x.shape[2] + 1, total, np.int64)
    events = _Events(start, np.empty(total, np.uint32), np.empty(total, x.dtype))
    for_range(_gather, len(x), x, before, *events)
    return events


@njit(cache=True, nogil=True)
def _push(
    first: int,
    last: int,
    start: Any,
    step: Any,
    value: Any,
    offset: Any,
    early: Any,
    late: Any,
    rows: int,
    out: Any,
) -> None:
    """Arrivals out [B, T, n_post] of every event. offset = m * n_post + j, uint32 [n_pre, n_post].

    Indices are unsigned: a signed one costs a test for wrap-around. ``rows`` >= T + the longest reach.
    """
    n_pre, n_post = offset.shape
    due = np.empty(rows * n_post, out.dtype)
    width = np.uint64(n_post)
    for b in range(first, last):
        due[:] = 0
        for i in range(n_pre):
            for e in range(start[b * n_pre + i], start[b * n_pre + i + 1]):
                base, s = np.uint64(step[e]) * width, value[e]
                for j in range(n_post):
                    p = base + np.uint64(offset[i, j])
                    due[p] += s * early[i, j]
                    due[p + width] += s * late[i, j]
        out[b].reshape(-1)[:] = due[: out.shape[1] * n_post]


@njit(cache=True, nogil=True)
def _collect(
    first: int,
    last: int,
    start: Any,
    step: Any,
    value: Any,
    offset: Any,
    grad: Any,
    rows: int,
    a0: Any,
    a1: Any,
) -> None:
    """a0, a1 [n_pre, n_post] of the presynaptic neurons first to last; grad [B, T, n_post]."""
    n_pre, n_post = offset.shape
    g = np.zeros(rows * n_post, grad.dtype)
    width = np.uint64(n_post)
    for b in range(grad.shape[0]):
        g[: grad.shape[1] * n_post] = grad[b].reshape(-1)
        for i in range(first, last):
            e, end = start[b * n_pre + i], start[b * n_pre + i + 1]
            while e + 1 < end:  # two events at a time touch the row of the synapses once
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


@njit(cache=True, nogil=True)
def _push_dense(first: int, last: int, x: Any, step: Any, early: Any, late: Any, rows: int, out: Any) -> None:
    """What `_push` computes, bit for bit, with x [B, T, n_pre] as vectors over time.

    The later tap goes first: its spike is the earlier one, which `_push` adds first.
    """
    n_pre, n_post = step.shape
    steps = x.shape[1]
    due = np.empty((n_post, rows), out.dtype)
    s = np.empty(steps, x.dtype)
    for b in range(first, last):
        due[:] = 0
        for i in range(n_pre):
            s[:] = x[b, :, i]
            for j in range(n_post):
                m = step[i, j]
                here, next_ = due[j, m : m + steps], due[j, m + 1 : m + 1 + steps]
                w, w2 = early[i, j], late[i, j]
                for t in range(steps):
                    next_[t] += w2 * s[t]
                for t in range(steps):
                    here[t] += w * s[t]
        out[b] = due[:, :steps].T


@njit(cache=True, nogil=True, fastmath={"reassoc"})  # lets the sums over time run as vectors
def _collect_dense(first: int, last: int, x: Any, step: Any, grad: Any, rows: int, a0: Any, a1: Any) -> None:
    """What `_collect` computes, with x [B, T, n_pre] as vectors over time."""
    n_post, steps = step.shape[1], x.shape[1]
    g = np.zeros((n_post, rows), grad.dtype)
    s = np.empty(steps, x.dtype)
    for b in range(x.shape[0]):
        g[:, :steps] = grad[b].T
        for i in range(first, last):
            s[:] = x[b, :, i]
            for j in range(n_post):
                m = step[i, j]
                here, next_ = g[j, m : m + steps], g[j, m + 1 : m + 1 + steps]
                sum0, sum1 = g.dtype.type(0), g.dtype.type(0)
                for t in range(steps):
                    sum0 += s[t] * here[t]
                    sum1 += s[t] * next_[t]
                a0[i, j] += sum0
                a1[i, j] += sum1


@njit(cache=True, nogil=True)
def _pull(first: int, last: int, grad: Any, step: Any, early: Any, late: Any, rows: int, out: Any) -> None:
    """Gradient out [B, T, n_pre] of the input: needed at every step, as every neuron's surrogate may be non-zero."""
    n_pre, n_post = step.shape
    steps = grad.shape[1]
    g = np.zeros((n_post, rows), grad.dtype)
    total = np.empty(steps, out.dtype)
    for b in range(first, last):
        g[:, :steps] = grad[b].T
        for i in range(n_pre):
            total[:] = 0
            for j in range(n_post):
                m = step[i, j]
                here, next_ = g[j, m : m + steps], g[j, m + 1 : m + 1 + steps]
                w, w2 = early[i, j], late[i, j]
                for t in range(steps):
                    total[t] += w * here[t] + w2 * next_[t]
            out[b, :, i] = total


class _DelayedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, delay: Tensor, longest: int) -> Tensor:
        xs = sample_major(x)
        w = _transposed(weight)
        step, f = _fraction(_transposed(delay), longest)
        taps = _Taps(step, w * (1 - f), w * f)
        n_post = w.shape[1]
        offset = taps.step * np.uint32(n_post) + np.arange(n_post, dtype=np.uint32)
        rows = xs.shape[1] + max(longest, 1)
        out = np.empty((*xs.shape[:2], n_post), xs.dtype)
        events = _events(xs)
        if events is None:
            for_range(_push_dense, len(xs), xs, *taps, rows, out)
        else:
            for_range(_push, len(xs), *events, offset, taps.early, taps.late, rows, out)
        ctx.arrays = (xs if events is None else events, taps, offset, w, f, rows)
        return time_major(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        source, taps, offset, w, f, rows = ctx.arrays
        grad = sample_major(grads[0])
        grad_x = grad_weight = grad_delay = None
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            a0, a1 = np.zeros_like(taps.early), np.zeros_like(taps.early)
            if isinstance(source, _Events):
                for_range(_collect, len(a0), *source, offset, grad, rows, a0, a1)
            else:
                for_range(_collect_dense, len(a0), source, taps.step, grad, rows, a0, a1)
            grad_weight = torch.from_numpy(((1 - f) * a0 + f * a1).T.copy())
            grad_delay = torch.from_numpy((w * (a1 - a0)).T.copy())
        if ctx.needs_input_grad[0]:
            pulled = np.empty((*grad.shape[:2], len(taps.step)), grad.dtype)
            for_range(_pull, len(grad), grad, *taps, rows, pulled)
            grad_x = time_major(pulled)
        return grad_x, grad_weight, grad_delay, None


def delayed_linear(x: Tensor, weight: Tensor, delay: Tensor, longest: int) -> Tensor:
    """Arrivals ``[T, B, n_post]`` of spikes (or counts) ``x [T, B, n_pre]``; what arrives after the run is dropped.

    Args:
        weight, delay: ``[n_post, n_pre]``; delays in steps, clamped to [0, longest], need not be whole.
    """
    apply: Any = _DelayedLinear.apply
    out: Tensor = apply(x, weight, delay, longest)
    return out
