"""Backpropagation through long sequences in chunks: the graph of one chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from neurosim.nn.state import detached, mapped, tensors_of
from neurosim.nn.training.losses import AnyLoss, needs_hidden
from neurosim.nn.training.step import spike_total
from neurosim.parameters import Parameters, parameter

__all__ = ["Borders", "Chunks", "chunked_step"]


class Borders(Enum):
    """What happens to gradients where one chunk ends and the next begins."""

    CUT = "cut"
    """they stop: truncated backpropagation through time"""
    CARRY = "carry"
    """they go on: the same gradients as without chunks"""


class Chunks(Parameters):
    """How a sequence is cut for the backward pass."""

    steps: float = parameter(minimum=1.0, doc="of a chunk")
    borders: Borders = Borders.CUT


def chunked_step(
    module: Any, loss: AnyLoss, x: Tensor, labels: Tensor, chunks: Chunks
) -> tuple[Tensor, list[Tensor], list[float]]:
    """Add the gradients of the loss of a batch to those of the parameters.

    The loss is that of the whole sequence: the outputs of all steps come from a first pass without a graph, and a
    second one goes over the chunks with the gradients of the loss with respect to their outputs. That costs one
    forward pass more, and keeps of the whole sequence only what the loss looks at. A normalisation takes its averages
    over a chunk.

    Returns:
        The loss, without a graph; the outputs of the populations that the loss looks at, the readout's last; and the
        spikes of every population.
    """
    bounds = [(a, min(a + int(chunks.steps), len(x))) for a in range(0, len(x), int(chunks.steps))]
    hidden = needs_hidden(loss)
    first = {name: buffer.clone() for name, buffer in module.named_buffers()}
    parts: list[list[Tensor]] = []
    totals: list[float] = []
    states: list[Any] = [None]
    with torch.no_grad():
        for a, b in bounds:
            outputs, state = module.trace(x[a:b], states[-1])
            states.append(state)
            parts.append(list(outputs) if hidden else [outputs[-1]])
            counts = [spike_total(o) for o in outputs]
            totals = [s + n for s, n in zip(totals, counts, strict=True)] if totals else counts
    wanted = [torch.cat(pieces).requires_grad_() for pieces in zip(*parts, strict=True)]
    del parts
    value = loss(wanted, labels)
    grads = torch.autograd.grad(value, wanted, allow_unused=True)
    last = {name: buffer.clone() for name, buffer in module.named_buffers()}
    _put_back(module, first)  # the second pass draws what the first drew
    if chunks.borders is Borders.CUT:
        for (a, b), state in zip(bounds, states, strict=False):
            outputs, _ = module.trace(x[a:b], detached(state))
            _backward([*outputs[-len(grads) :]], [None if g is None else g[a:b] for g in grads])
    else:
        _carried(module, x, bounds, states[:-1], grads)
    _put_back(module, last)
    return value.detach(), [w.detach() for w in wanted], totals


def _carried(
    module: Any,
    x: Tensor,
    bounds: Sequence[tuple[int, int]],
    states: Sequence[Any],
    grads: Sequence[Tensor | None],
) -> None:
    """The backward pass from the last chunk to the first, with the gradients of the states between them."""
    later: list[Tensor | None] = []
    for (a, b), state in zip(reversed(bounds), reversed(states), strict=True):
        begin = mapped(lambda t: t.detach().requires_grad_() if t.is_floating_point() else t, state)
        outputs, end = module.trace(x[a:b], begin)
        ends = list(tensors_of(end)) if later else []
        _backward([*outputs[-len(grads) :], *ends], [*(None if g is None else g[a:b] for g in grads), *later])
        later = [leaf.grad for leaf in tensors_of(begin)]


def _backward(tensors: list[Tensor], grads: list[Tensor | None]) -> None:
    known = [(t, g) for t, g in zip(tensors, grads, strict=True) if g is not None and t.requires_grad]
    if known:
        torch.autograd.backward([t for t, _ in known], [g for _, g in known])


@torch.no_grad()
def _put_back(module: torch.nn.Module, values: dict[str, Tensor]) -> None:
    for name, buffer in module.named_buffers():
        buffer.copy_(values[name])
