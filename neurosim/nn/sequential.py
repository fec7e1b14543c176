"""Layers one after the other, with their states passed in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.neurons.lif import Neurons
from neurosim.nn.synapses.linear import Synapses

__all__ = ["Sequential"]


class Sequential(torch.nn.Module):
    """A feed-forward network: synapses, neurons, synapses, neurons, ...

    ``net(x)`` maps ``[T, B, n]`` to (what the last layer puts out, states); ``net(x, states)`` carries on from there.

    Raises:
        DescriptionError: layers that do not alternate, or differ in ``dt``.
        ShapeError: layers whose sizes do not fit.
    """

    def __init__(self, *layers: Synapses | Neurons) -> None:
        super().__init__()
        kinds = [Synapses, Neurons] * (len(layers) // 2)
        if not layers or len(layers) % 2 or not all(map(isinstance, layers, kinds)):
            raise DescriptionError(
                "layers must alternate, synapses first and neurons last",
                where="Sequential",
                value=", ".join(type(layer).__name__ for layer in layers),
            )
        self.layers = torch.nn.ModuleList(layers)
        size: int | None = None
        for k, (synapses, neurons) in enumerate(self.pairs()):
            for what, mine, before in (
                (f"layer {2 * k}", synapses.n_in, size),
                (f"layer {2 * k + 1}", neurons.size, synapses.n_out),
            ):
                if before is not None and mine != before:
                    raise ShapeError(
                        "sizes do not fit", where=f"Sequential, {what}", value=mine, limit=before
                    )
            size = neurons.size
        if len({neurons.dt for _, neurons in self.pairs()}) > 1:
            steps = sorted({neurons.dt for _, neurons in self.pairs()})
            raise DescriptionError("layers have different time steps", where="Sequential", value=steps)

    def pairs(self) -> list[tuple[Synapses, Neurons]]:
        """The synapses and the neurons they drive, layer by layer."""
        layers: list[Any] = list(self.layers)
        return list(zip(layers[::2], layers[1::2], strict=True))

    @property
    def dt(self) -> float:
        """Time step, s."""
        return self.pairs()[0][1].dt

    def trace(self, x: Tensor, states: Sequence[Any] | None = None) -> tuple[list[Tensor], tuple[Any, ...]]:
        """What every population puts out, ``[T, B, n]`` each, and the states of all layers."""
        outputs, after = [], []
        for k, layer in enumerate(self.layers):
            x, state = layer(x, None if states is None else states[k])
            after.append(state)
            if isinstance(layer, Neurons):
                outputs.append(x)
        return outputs, tuple(after)

    def forward(self, x: Tensor, states: Sequence[Any] | None = None) -> tuple[Tensor, tuple[Any, ...]]:
        """What the last population puts out, and the states of all layers."""
        outputs, after = self.trace(x, states)
        return outputs[-1], after
