"""Synapses with a weight and a real-valued delay each: two taps on the time grid, and their exact gradients.

A spike of step s over a delay d arrives in step s + m with weight w (1 - f) and in step s + m + 1 with w f, where
m = floor(d) and f = d - m (linear interpolation). With S the spikes, G the gradient of the arrivals and
A0 = sum S[s] G[s + m], A1 = sum S[s] G[s + m + 1] over the spikes of a synapse::

    dL/dw = (1 - f) A0 + f A1        dL/dd = w (A1 - A0)        dL/dS[s] = w (1 - f) G[s + m] + w f G[s + m + 1]

dL/dd is the derivative to the right at whole delays, to the left at the longest one. Few spikes are handled one by
one, at a cost that depends neither on the number of steps nor on the longest delay; many for whole tiles of samples
at once. `cheapest` decides, for each pass.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.delay_bits import BITS_BLOCK, has_tables, mark, pull_bits
from neurosim.nn.cpu.delay_spikes import by_neuron, collect, push
from neurosim.nn.cpu.delay_taps import finish_pairs, split, transposed
from neurosim.nn.cpu.delay_tiles import GROUP, collect_tiles, pull_tiles
from neurosim.nn.cpu.lanes import LANES
from neurosim.nn.ops.events import Events, events_of
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.threads import for_range

__all__ = ["Pass", "SortedSpikes", "Way", "cheapest", "delayed_linear", "tap_gradients"]

Array = NDArray[Any]


class Way(Enum):
    """How a pass is computed."""

    SPIKES = "one spike after the other"
    TILES = "tiles of samples, step by step"
    TABLES = "tiles of samples, sums of taps from tables"
    """spikes that are all one, float32, CPUs with AVX-512; sums differ in rounding from those of the other ways"""


class Pass(Enum):
    """What is computed from the spikes; the gradient at the spikes themselves always goes by tiles."""

    ARRIVALS = "arrivals"
    SYNAPSES = "gradients of weights and delays"


def cheapest(
    what: Pass, spikes: int, shape: tuple[int, int, int], longest: int, *, tables: bool = False
) -> Way:
    """The fastest way for ``spikes`` non-zero entries of an input of ``shape`` (T, B, n_pre).

    From nanoseconds a unit of work, measured on one core with AVX-512 (Zen 5), float32. ``tables``: they can be used.
    """
    steps, samples, n_pre = shape
    tiles = -(-samples // LANES)
    cells = tiles * steps * n_pre
    if what is Pass.ARRIVALS:
        cost = {Way.SPIKES: 0.7 * spikes, Way.TILES: (0.33 + 0.0011 * longest) * cells}
        if tables:
            cost[Way.TABLES] = (0.2 + 0.0006 * longest) * cells
    else:
        density = spikes / max(1, steps * samples * n_pre)
        active = cells * (1 - (1 - density) ** min(samples, LANES))
        rows = steps + longest
        together = (0.47 * active + 2.3 * tiles * n_pre) * (1 if rows < 256 else 1.5 if rows < 512 else 3)
        cost = {Way.SPIKES: 0.55 * spikes, Way.TILES: together}
    return min(cost, key=lambda way: cost[way])


class _Taps(NamedTuple):
    """Arrays ``[n_post, n_pre]``: m, and the weights w (1 - f) and w f of the two taps."""

    step: NDArray[np.uint32]
    early: Array
    late: Array

    @classmethod
    def of(cls, weight: Array, delay: Array, longest: int, whole: bool) -> _Taps:
        taps = cls(np.empty(weight.shape, np.uint32), np.empty_like(weight), np.empty_like(weight))
        for_range(split, len(weight), weight, delay, longest, whole, *taps)
        return taps

    def by_pre(self) -> _Taps:
        """Arrays ``[n_pre, n_post]``, with m n_post + j in place of m."""
        shape = self.step.shape[::-1]
        taps = _Taps(*(np.empty(shape, a.dtype) for a in self))
        for_range(transposed, shape[0], *self, *taps)
        return taps


class SortedSpikes(NamedTuple):
    """Spikes by (sample, neuron): those of b * n + i are ``start[b * n + i]`` to the next start."""

    start: NDArray[np.int64]
    step: NDArray[np.uint32]
    value: Array

    @classmethod
    def of(cls, events: Events, dtype: Any) -> SortedSpikes:
        steps, samples, n = events.shape
        total = len(events.neuron)
        found = cls(
            np.full(samples * n + 1, total, np.int64), np.empty(total, np.uint32), np.empty(total, dtype)
        )
        for_range(by_neuron, samples, *events.arrays(dtype), steps, n, *found)
        return found


def _pull(x: Array, offset: Array, taps: tuple[Array, Array], strides: tuple[int, int], lead: int, reach: int,
          skip: int, out: Array) -> None:  # fmt: skip
    block = 8 if reach <= 48 else 16 if reach <= 128 else 64
    parts = -(-out.shape[1] // block) * -(-len(out) // LANES)
    for_range(
        pull_tiles, parts, x, offset.reshape(-1), *(a.reshape(-1) for a in taps), *strides,
        lead, reach, block, skip, out,
    )  # fmt: skip


class _DelayedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        delay: Tensor,
        events: Events,
        longest: int,
        skip: int,
        whole: bool,
    ) -> Tensor:
        steps, samples, n_pre = events.shape
        n_post, reach = len(weight), max(longest, 1)
        w, d = (a.detach().contiguous().numpy() for a in (weight, delay))
        taps, dtype = _Taps.of(w, d, longest, whole), w.dtype
        out = empty((samples, steps - skip, n_post), dtype)
        tables = dtype == np.float32 and events.value is None and has_tables()
        way = cheapest(Pass.ARRIVALS, len(events.neuron), events.shape, longest, tables=tables)
        # pulled arrivals: first the later tap, whose spike is the earlier one
        offset = np.uint32(reach - 1) - taps.step
        if way is Way.SPIKES:
            spikes = SortedSpikes.of(events, dtype)
            for_range(push, samples, *spikes, *taps.by_pre(), steps + reach, skip, out)
        elif way is Way.TABLES:
            tiles = -(-samples // LANES)
            fired = np.zeros((tiles, n_pre, steps), np.uint16)
            for_range(mark, tiles, events.row, events.neuron, samples, steps, fired)
            parts = tiles * -(-(steps - skip) // BITS_BLOCK)
            for_range(pull_bits, parts, fired, offset, taps.late, taps.early, reach, reach, skip, out)
        else:
            _pull(sample_major(x), offset, (taps.late, taps.early), (1, n_pre), reach, reach, skip, out)
        ctx.save_for_backward(weight, delay)
        ctx.events, ctx.taps, ctx.options = events, taps, (longest, skip, whole)
        return time_major(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, delay = (a.detach().contiguous().numpy() for a in ctx.saved_tensors)
        events, taps, (longest, skip, whole) = ctx.events, ctx.taps, ctx.options
        grad = sample_major(grads[0])
        reach, (steps, samples, n_pre) = max(longest, 1), events.shape
        grad_x = grad_weight = grad_delay = None
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            found = _synapses(grad, events, taps, weight, delay, longest, skip, whole)
            grad_weight, grad_delay = (torch.from_numpy(a) for a in found)
        if ctx.needs_input_grad[0]:
            pulled = empty((samples, steps, n_pre), grad.dtype)
            _pull(grad, taps.step, (taps.early, taps.late), (n_pre, 1), skip, reach, 0, pulled)
            grad_x = time_major(pulled)
        return grad_x, grad_weight, grad_delay, None, None, None, None


def _synapses(
    grad: Array,
    events: Events,
    taps: _Taps,
    weight: Array,
    delay: Array,
    longest: int,
    skip: int,
    whole: bool,
) -> tuple[Array, Array]:
    """Gradients of weights and delays."""
    n_post, n_pre = weight.shape
    rows = events.shape[0] + max(longest, 1)
    if cheapest(Pass.SYNAPSES, len(events.neuron), events.shape, longest) is Way.SPIKES:
        a0, a1 = np.zeros((n_pre, n_post), grad.dtype), np.zeros((n_pre, n_post), grad.dtype)
        spikes, offset = SortedSpikes.of(events, grad.dtype), taps.by_pre().step
        for_range(collect, n_pre, *spikes, offset, grad, rows, skip, a0, a1)
        return tap_gradients(a0.T, a1.T, weight, delay, taps.step, longest, whole)
    pairs = np.zeros((-(-n_post // 4), n_pre, LANES), grad.dtype)
    for_range(
        collect_tiles, -(-n_post // GROUP), *events.arrays(grad.dtype), grad, taps.step, skip, rows, pairs
    )
    found = np.empty_like(weight), np.empty_like(weight)
    for_range(finish_pairs, n_post, weight, delay, longest, whole, pairs, *found)
    return found


def tap_gradients(
    a0: Array, a1: Array, weight: Array, delay: Array, step: Array, longest: int, whole: bool
) -> tuple[Array, Array]:
    """dL/dw and dL/dd from A0 and A1; arrays of one shape, ``step`` holding m."""
    f = np.clip(delay, 0, longest) - step.astype(delay.dtype)
    if whole:
        f = np.floor(f + 0.5)
    return (1 - f) * a0 + f * a1, weight * (a1 - a0)


def delayed_linear(
    x: Tensor, weight: Tensor, delay: Tensor, longest: int, *, skip: int = 0, whole: bool = False
) -> Tensor:
    """Arrivals ``[T - skip, B, n_post]`` of spikes (or counts, or any numbers) ``x [T, B, n_pre]``.

    What arrives after the last step is dropped, and what arrives in the first ``skip`` steps is not computed: there,
    x is what an earlier call has seen.

    Args:
        weight, delay: ``[n_post, n_pre]``; delays in steps, clamped to [0, longest], need not be whole.
        whole: spikes arrive after floor(d + 1/2) steps; the gradient of d is still that of the interpolation between
            the two whole steps around it.
    """
    if x.is_cuda:
        from neurosim.nn.gpu.delays import delayed_linear as on_gpu

        return on_gpu(x, weight, delay, longest, skip=skip, whole=whole)
    apply: Any = _DelayedLinear.apply
    out: Tensor = apply(x, weight, delay, events_of(x), longest, skip, whole)
    return out
