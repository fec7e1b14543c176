"""Pooling: sums, averages or maxima of spikes over windows of each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.errors import DescriptionError
from neurosim.nn.synapses.transform import Transform, checked_shape

__all__ = ["AveragePool", "MaxPool", "Pool", "SumPool"]


class Pool(Transform):
    """Base of pooling layers: from ``in_shape`` (channels, length) or (channels, height, width) to ``out_shape``.

    Args:
        in_shape: of the population or input before.
        window: length or (height, width) of the windows; one number for both.
        stride: between windows; default: the window, so that they do not overlap. What is left at the end is not used.

    Raises:
        DescriptionError: a window that is larger than the image.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        window: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        self.in_shape = checked_shape(in_shape, f"{where}.in_shape", (2, 3))
        axes = len(self.in_shape) - 1
        self.window = spread(window, axes, f"{where}.window")
        self.stride = self.window if stride is None else spread(stride, axes, f"{where}.stride")
        size = [(n - w) // s + 1 for n, w, s in zip(self.in_shape[1:], self.window, self.stride, strict=True)]
        if min(size) < 1:
            raise DescriptionError(
                "the window is larger than the image", where=where, value=self.window, limit=self.in_shape
            )
        self.out_shape = (self.in_shape[0], *size)
        self.n_in, self.n_out = math.prod(self.in_shape), math.prod(self.out_shape)

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        """``[T, B, n_in]`` to ``[T, B, n_out]``; there is no state."""
        rows = self._check(x).transpose(0, 1)
        *lead, height, width = (
            self.in_shape if len(self.in_shape) == 3 else (self.in_shape[0], 1, self.in_shape[1])
        )
        pooled = self._pooled(rows.reshape(-1, *lead, height, width))
        return pooled.reshape(*rows.shape[:2], math.prod(self.out_shape)).transpose(0, 1), None

    def _options(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Window and stride for images."""
        more = (1,) if len(self.window) == 1 else ()
        return (*more, *self.window), (*more, *self.stride)

    def _pooled(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{self.in_shape}, {self.window}, stride={self.stride}"


class SumPool(Pool):
    """Sums of spikes: synapses with fixed weights of one. On a device they are joined with the synapses that follow."""

    def _pooled(self, images: Tensor) -> Tensor:
        window, stride = self._options()
        return torch.nn.functional.avg_pool2d(images, window, stride, divisor_override=1)


class AveragePool(Pool):
    """Averages of spikes: synapses that share one fixed weight. On a device they are joined with those that follow."""

    def _pooled(self, images: Tensor) -> Tensor:
        window, stride = self._options()
        return torch.nn.functional.avg_pool2d(images, window, stride)


class MaxPool(Pool):
    """Maxima of spikes: one where any neuron of the window spikes. On a device this is a population of its own, which
    spikes whenever anything arrives, in the same step; it needs spikes of neurons before it, not counts."""

    def _pooled(self, images: Tensor) -> Tensor:
        return torch.nn.functional.max_pool2d(images, *self._options())


def spread(value: int | Sequence[int], axes: int, where: str, least: int = 1) -> tuple[int, ...]:
    """An option of a window, one number or one an axis, as one an axis. Raises `DescriptionError`."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(values) != axes or any(int(v) != v or v < least for v in values):
        limit = f"whole numbers >= {least}, one or {axes}"
        raise DescriptionError("is out of range", where=where, value=value, limit=limit)
    return tuple(int(v) for v in values)
