"""One update, in parts: what `neurosim.nn.fit` does and a loop of your own can do.

::

    for update, (x, labels) in enumerate(batches(spikes, classes, 32)):
        before_update(module, update)
        value, outputs = training_step(module, loss, x, labels)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        after_update(module)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from neurosim.nn.ops.events import attached
from neurosim.nn.training.losses import AnyLoss

__all__ = ["after_update", "before_update", "spike_total", "training_step"]


def training_step(module: Any, loss: AnyLoss, x: Tensor, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The loss of a batch, to be differentiated, and what every population put out.

    Args:
        module: a `neurosim.nn.Sequential`, or anything with a ``trace(x) -> (outputs, states)`` like its own.
        x: spikes ``[T, B, n]``.
        labels: classes ``[B]``.
    """
    outputs, _ = module.trace(x)
    return loss(outputs, labels), outputs


def before_update(module: torch.nn.Module, update: int, *, rank: int = 0, world: int = 1) -> None:
    """Tell the layers that draw random numbers which update this is, so that what they draw depends on nothing else.

    Noise is that of one device, the same in all processes; dropout differs between them.
    """
    for layer in module.modules():
        if hasattr(layer, "noise_index"):
            layer.noise_index = update  # type: ignore[assignment]
        draws = getattr(layer, "draws", None)
        if isinstance(draws, Tensor):
            draws.fill_(update * world + rank)


def after_update(module: torch.nn.Module) -> None:
    """Put parameters that left their range back into it; call it after every step of an optimiser."""
    for layer in _outermost(module, "constrain_"):
        layer.constrain_()


def _outermost(module: torch.nn.Module, name: str) -> Iterator[Any]:
    """The modules with a method ``name`` that are in no other with one."""
    if callable(getattr(module, name, None)):
        yield module
        return
    for child in module.children():
        yield from _outermost(child, name)


def spike_total(output: Tensor) -> float:
    """Sum of ``output``; from the list of its spikes, if it carries one, without looking at it."""
    events = attached(output)
    if events is not None and events.value is None:
        return float(len(events.neuron))
    return float(output.detach().sum())
