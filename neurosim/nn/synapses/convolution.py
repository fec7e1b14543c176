"""Convolutions over the space of the neurons, the same in every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DescriptionError, UnsupportedError
from neurosim.nn.synapses.linear import Synapses
from neurosim.nn.synapses.pooling import spread
from neurosim.nn.synapses.transform import checked_shape

__all__ = ["Conv1d", "Conv2d", "Convolution"]


class Convolution(Synapses):
    """Base of convolutions (cross-correlations with zero padding, as PyTorch's): from ``in_shape`` to ``out_shape``.

    Weights start uniform within ±gain sqrt(6 / fan-in), as those of all synapses.

    Args:
        in_shape: (channels, length) or (channels, height, width) of the population or input before.
        out_channels: channels that come out.
        kernel: its length, or (height, width); one number for both.
        stride, padding, dilation: numbers, or one an axis.
        groups: into which the channels fall, each with kernels of its own.
        fixed_delay: whole steps that every spike takes; not learnt.
        options: see `Synapses`; a noise model cannot act on weights that many synapses share.

    Attributes:
        weight: parameter ``[out_channels, in_channels / groups, *kernel]``.
        in_shape, out_shape: shapes on both sides; tensors are flat, ``[T, B, n]``.

    Raises:
        DescriptionError: options out of range, a kernel larger than the image.
    """

    AXES = 0

    def __init__(
        self,
        in_shape: Sequence[int],
        out_channels: int,
        kernel: int | Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        fixed_delay: int = 0,
        **options: Any,
    ) -> None:
        where, axes = type(self).__name__, self.AXES
        shape = checked_shape(in_shape, f"{where}.in_shape", (axes + 1,))
        taps = spread(kernel, axes, f"{where}.kernel")
        if groups < 1 or shape[0] % groups or int(out_channels) % groups:
            raise DescriptionError(
                "groups must divide the channels", where=where, value=groups, limit=(shape[0], out_channels)
            )
        if options.get("noise") is not None:
            raise UnsupportedError(
                "a device's noise differs between synapses that share a weight here",
                where=where,
                remedy="Train the convolution without noise",
            )
        # all synapses onto a channel are a row, as those onto a neuron are in other layers
        super().__init__(shape[0] // groups * math.prod(taps), out_channels, **options)
        self.weight = torch.nn.Parameter(self.weight.detach().reshape(-1, shape[0] // groups, *taps))
        self.stride = spread(stride, axes, f"{where}.stride")
        self.padding = spread(padding, axes, f"{where}.padding", 0)
        self.dilation, self.groups = spread(dilation, axes, f"{where}.dilation"), int(groups)
        size = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(shape[1:], taps, self.stride, self.padding, self.dilation, strict=True)
        ]
        if min(size) < 1:
            raise DescriptionError(
                "the kernel is larger than the image", where=where, value=taps, limit=shape
            )
        if int(fixed_delay) != fixed_delay or fixed_delay < 0:
            raise DescriptionError("is no number of steps", where=f"{where}.fixed_delay", value=fixed_delay)
        self.fixed_delay = int(fixed_delay)
        self.in_shape, self.out_shape = shape, (int(out_channels), *size)
        self.n_in, self.n_out = math.prod(shape), math.prod(self.out_shape)

    def effective_weight(self) -> Tensor:
        """The kernels that the layer computes with: quantised, if there is a quantiser, as a matrix of channels."""
        weight: Tensor = self.weight
        return weight if self.quantiser is None else self.quantiser(weight.flatten(1)).reshape(weight.shape)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is what is under way, None without a delay."""
        x = x.flatten(2) if isinstance(x, Tensor) and x.ndim > 3 else x
        self._check(x)
        after = None
        if self.fixed_delay:
            before = x.new_zeros(self.fixed_delay, *x.shape[1:]) if state is None else state
            whole = torch.cat([before.transpose(0, 1), x.transpose(0, 1)], 1).transpose(0, 1)
            x, after = whole[: len(x)], whole[len(x) :]
        rows = x.transpose(0, 1)
        convolve: Any = torch.nn.functional.conv1d if self.AXES == 1 else torch.nn.functional.conv2d
        out = convolve(
            rows.reshape(-1, *self.in_shape), self.effective_weight(), None, self.stride, self.padding,
            self.dilation, self.groups,
        )  # fmt: skip
        return out.reshape(*rows.shape[:2], self.n_out).transpose(0, 1), after

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return (
            f"{self.in_shape}, {self.out_shape[0]}, {tuple(self.weight.shape[2:])}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, groups={self.groups}, "
            f"fixed_delay={self.fixed_delay}"
        )


class Conv1d(Convolution):
    """A convolution over (channels, length), such as the frequencies of a cochlea. See `Convolution`."""

    AXES = 1


class Conv2d(Convolution):
    """A convolution over (channels, height, width), such as the image of an event camera. See `Convolution`."""

    AXES = 2
