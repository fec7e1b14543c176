"""Delayed synapses of which only some pairs exist: the sums of `neurosim.nn.ops.delays` over a list of synapses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.delay_taps import split
from neurosim.nn.cpu.lanes import LANES
from neurosim.nn.cpu.sparse_delays import CHUNK, collect_list, pull_list, push_list
from neurosim.nn.ops.delays import SortedSpikes, tap_gradients
from neurosim.nn.ops.events import Events, events_of
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.threads import for_range

__all__ = ["SynapseList", "sparse_delayed_linear"]

Array = NDArray[Any]


class _Order(NamedTuple):
    """Synapses by (chunk of the side that is read, neuron that is written)."""

    order: NDArray[np.int64]
    start: NDArray[np.int64]
    source: NDArray[np.uint32]

    @classmethod
    def of(cls, read: Array, written: Array, n_read: int, n_written: int) -> _Order:
        bucket = read // CHUNK * n_written + written
        order = np.lexsort((read, bucket))
        counts = np.bincount(bucket, minlength=-(-n_read // CHUNK) * n_written)
        start = np.concatenate([[0], np.cumsum(counts)])
        return cls(order, start, (read[order] % CHUNK).astype(np.uint32))


class SynapseList:
    """The synapses under a mask ``[n_post, n_pre]``, by presynaptic neuron and then by target.

    Attributes:
        place: int64, of each synapse in the flat mask.
        pre, post: the neurons of each.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.n_post, self.n_pre = mask.shape
        self.pre, self.post = np.nonzero(mask.T)
        self.place = torch.from_numpy(self.post * self.n_pre + self.pre)
        self.begin = np.searchsorted(self.pre, np.arange(self.n_pre + 1))
        self.forwards = _Order.of(self.pre, self.post, self.n_pre, self.n_post)
        self.backwards = _Order.of(self.post, self.pre, self.n_post, self.n_pre)


def _pull(x: Array, by: _Order, offset: Array, taps: tuple[Array, Array], lead: int, reach: int, skip: int,
          out: Array) -> None:  # fmt: skip
    block = 8 if reach <= 48 else 16 if reach <= 128 else 32
    parts = -(-out.shape[1] // block) * -(-len(out) // LANES)
    for_range(
        pull_list, parts, x, by.start, by.source, offset[by.order], *(a[by.order] for a in taps),
        lead, reach, block, skip, out,
    )  # fmt: skip


class _SparseDelayedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, delay: Tensor, events: Events, pairs: SynapseList, longest: int,
        skip: int, whole: bool,
    ) -> Tensor:  # fmt: skip
        steps, samples, _ = events.shape
        w, d = (a.detach().contiguous().numpy() for a in (weight, delay))
        dtype, reach = w.dtype, max(longest, 1)
        step, early, late = (
            np.empty((1, len(w)), np.uint32),
            np.empty((1, len(w)), dtype),
            np.empty((1, len(w)), dtype),
        )
        split(0, 1, w[None], d[None], longest, whole, step, early, late)
        taps = step[0], early[0], late[0]
        out = empty((samples, steps - skip, pairs.n_post), dtype)
        if events.density < _SPIKES_BELOW:
            offset = taps[0] * np.uint32(pairs.n_post) + pairs.post.astype(np.uint32)
            spikes = SortedSpikes.of(events, dtype)
            for_range(push_list, samples, *spikes, pairs.begin, offset, *taps[1:], steps + reach, skip, out)
        else:
            offset = np.uint32(reach - 1) - taps[0]
            _pull(sample_major(x), pairs.forwards, offset, (taps[2], taps[1]), reach, reach, skip, out)
        ctx.save_for_backward(weight, delay)
        ctx.events, ctx.taps, ctx.pairs, ctx.options = events, taps, pairs, (longest, skip, whole)
        return time_major(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, delay = (a.detach().contiguous().numpy() for a in ctx.saved_tensors)
        events, pairs, (longest, skip, whole) = ctx.events, ctx.pairs, ctx.options
        step, early, late = ctx.taps
        grad = sample_major(grads[0])
        reach, (steps, samples, n_pre) = max(longest, 1), events.shape
        grad_x = grad_weight = grad_delay = None
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            a0, a1 = np.zeros_like(weight), np.zeros_like(weight)
            offset = step * np.uint32(pairs.n_post) + pairs.post.astype(np.uint32)
            spikes = SortedSpikes.of(events, grad.dtype)
            for_range(collect_list, n_pre, *spikes, pairs.begin, offset, grad, steps + reach, skip, a0, a1)
            found = tap_gradients(a0, a1, weight, delay, step, longest, whole)
            grad_weight, grad_delay = (torch.from_numpy(a) for a in found)
        if ctx.needs_input_grad[0]:
            pulled = empty((samples, steps, n_pre), grad.dtype)
            _pull(grad, pairs.backwards, step, (early, late), skip, reach, 0, pulled)
            grad_x = time_major(pulled)
        return grad_x, grad_weight, grad_delay, None, None, None, None, None


_SPIKES_BELOW = 0.03
"""Share of non-zero inputs below which they are handled one by one (0.7 ns a spike and synapse against 0.33 ns a step
of 16 samples and synapse)."""


def sparse_delayed_linear(
    x: Tensor,
    weight: Tensor,
    delay: Tensor,
    pairs: SynapseList,
    longest: int,
    *,
    skip: int = 0,
    whole: bool = False,
) -> Tensor:
    """`neurosim.nn.ops.delays.delayed_linear` with ``weight`` and ``delay`` given for the synapses of ``pairs`` only,
    in their order: time and memory go with their number."""
    apply: Any = _SparseDelayedLinear.apply
    out: Tensor = apply(x, weight, delay, events_of(x), pairs, longest, skip, whole)
    return out
