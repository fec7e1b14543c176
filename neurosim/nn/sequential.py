"""Layers one after the other, with their states passed in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.synapses.linear import Synapses
from neurosim.nn.synapses.normalisation import BatchNorm
from neurosim.nn.synapses.transform import Transform

__all__ = ["Group", "Sequential"]

_ORDER = "[pooling, dropout] synapses [normalisation] neurons, again and again"


class Group(NamedTuple):
    """A population and all that leads to it from the one before."""

    transforms: tuple[Transform, ...]
    synapses: Synapses
    normalisation: BatchNorm | None
    neurons: Neurons


class Sequential(torch.nn.Module):
    """A network of layers, each driven by the one before.

    A population is neurons, the synapses onto it before them, perhaps a normalisation between the two, and perhaps
    pooling or dropout before the synapses::

        Sequential(MaxPool(...), Conv2d(...), BatchNorm(...), LIF(...), Dropout(0.2), DelayLinear(...), LIF(...))

    ``net(x)`` maps ``[T, B, n]`` (or ``[T, B, *shape]``) to (what the last population puts out, states);
    ``net(x, states)`` carries on from there. States are a tuple with an entry for each layer.

    Raises:
        DescriptionError: layers in another order, or neurons that differ in ``dt``.
        ShapeError: layers whose sizes do not fit.
    """

    def __init__(self, *layers: Synapses | Neurons | BatchNorm | Transform) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(layers)
        groups = _grouped(layers)
        _check_sizes(layers)
        steps = sorted({group.neurons.dt for group in groups})
        if len(steps) > 1:
            raise DescriptionError("layers have different time steps", where="Sequential", value=steps)

    def groups(self) -> list[Group]:
        """The populations in order, each with what leads to it."""
        return _grouped(list(self.layers))  # those of now: a layer may have been replaced

    def pairs(self) -> list[tuple[Synapses, Neurons]]:
        """The synapses and the neurons they drive, population by population."""
        return [(group.synapses, group.neurons) for group in self.groups()]

    @property
    def dt(self) -> float:
        """Time step, s."""
        return self.pairs()[0][1].dt

    @property
    def n_in(self) -> int:
        """Channels of the input."""
        transforms, synapses, _, _ = self.groups()[0]
        sizes = [layer.n_in for layer in transforms if layer.n_in is not None]
        return sizes[0] if sizes else synapses.n_in

    @property
    def n_out(self) -> int:
        """Neurons of the last population."""
        return self.pairs()[-1][1].size

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the first weights: what inputs must have."""
        return self.pairs()[0][0].weight.dtype

    def trace(self, x: Tensor, states: Sequence[Any] | None = None) -> tuple[list[Tensor], tuple[Any, ...]]:
        """What every population puts out, ``[T, B, n]`` each, and the states of all layers."""
        if states is not None and len(states) != len(self.layers):
            raise ShapeError(
                "needs one state a layer", where="Sequential", value=len(states), limit=len(self.layers)
            )
        if isinstance(x, Tensor) and x.ndim > 3:
            x = x.flatten(2)
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

    def constrain_(self) -> None:
        """Put all parameters back into their ranges; call it after every step of an optimiser."""
        for layer in self.layers:
            constrain = getattr(layer, "constrain_", None)
            if constrain is not None:
                constrain()


def _grouped(layers: Sequence[Any]) -> list[Group]:
    """Layers as populations, or `DescriptionError` for the first one out of order."""
    groups: list[Group] = []
    transforms: list[Transform] = []
    synapses: Synapses | None = None
    norm: BatchNorm | None = None
    for k, layer in enumerate(layers):
        if isinstance(layer, Neurons) and synapses is not None:
            groups.append(Group(tuple(transforms), synapses, norm, layer))
            transforms, synapses, norm = [], None, None
        elif isinstance(layer, Transform) and synapses is None:
            transforms.append(layer)
        elif isinstance(layer, Synapses) and synapses is None:
            synapses = layer
        elif isinstance(layer, BatchNorm) and synapses is not None and norm is None:
            norm = layer
        else:
            raise _misplaced(f"layer {k}", layer, layers)
    if not groups or transforms or synapses is not None:
        what = "nothing" if not layers else f"layer {len(layers) - 1}"
        raise DescriptionError(
            "the last layer must be neurons", where=f"Sequential, {what}", value=_names(layers), limit=_ORDER
        )
    return groups


def _misplaced(where: str, layer: Any, layers: Sequence[Any]) -> DescriptionError:
    if not isinstance(layer, (Neurons, Synapses, Transform, BatchNorm)):
        return DescriptionError(
            "is not a layer of neurosim.nn",
            where=f"Sequential, {where}",
            value=type(layer).__name__,
            remedy="Derive a layer of your own from nn.Synapses, nn.Neurons or nn.Transform",
        )
    return DescriptionError(
        f"{type(layer).__name__} cannot stand here",
        where=f"Sequential, {where}",
        value=_names(layers),
        limit=_ORDER,
    )


def _names(layers: Sequence[Any]) -> str:
    return ", ".join(type(layer).__name__ for layer in layers)


def _check_sizes(layers: Sequence[Any]) -> None:
    before: int | None = None
    for k, layer in enumerate(layers):
        n_in, n_out = _sizes(layer)
        if None not in (before, n_in) and n_in != before:
            where = f"Sequential, layer {k} ({type(layer).__name__})"
            raise ShapeError("does not fit the layer before it", where=where, value=n_in, limit=before)
        before = before if n_out is None else n_out


def _sizes(layer: Any) -> tuple[int | None, int | None]:
    if isinstance(layer, (Synapses, Transform)):
        return layer.n_in, layer.n_out
    return layer.size, layer.size
