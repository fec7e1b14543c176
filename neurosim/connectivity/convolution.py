"""Convolutions as synapses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.connectivity.rule import Ends, Rule, Shape
from neurosim.errors import DescriptionError, ShapeError

__all__ = ["Convolution2d"]


class Convolution2d(Rule):
    """A 2-D convolution with shared weights, in PyTorch's convention (cross-correlation, zero padding).

    ``kernel`` is ``[out_channels, in_channels, height, width]``; presynaptic shape (in_channels, H, W), postsynaptic
    (out_channels, floor((H + 2 padding - height)/stride) + 1, ...). The projection's ``weight`` is a factor
    (default 1).
    """

    weights: NDArray[np.float64]
    stride: int
    padding: int

    def __init__(self, weights: ArrayLike, *, stride: int = 1, padding: int = 0) -> None:
        array = np.asarray(weights)
        if (
            array.ndim != 4
            or array.dtype.kind not in "iufb"
            or not np.isfinite(array.astype(np.float64)).all()
        ):
            raise DescriptionError(
                "must be finite numbers of shape [out, in, height, width]",
                where="Convolution2d.weights",
                value=array.shape,
            )
        object.__setattr__(
            self, "weights", np.array(array, np.float32 if array.dtype == np.float32 else np.float64)
        )
        for name, value, least in (("stride", stride, 1), ("padding", padding, 0)):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise DescriptionError(
                    "is out of range", where=f"Convolution2d.{name}", value=value, limit=f">= {least}"
                )
            object.__setattr__(self, name, int(value))
        self.__post_init__()

    def values_shape(self, ends: Ends) -> None:
        return None

    def output_shape(self, pre: Shape) -> Shape:
        """The postsynaptic shape for a presynaptic (channels, height, width)."""
        out, _, ky, kx = self.weights.shape
        size = [(n + 2 * self.padding - k) // self.stride + 1 for n, k in zip(pre[1:], (ky, kx), strict=True)]
        return out, size[0], size[1]

    def check(self, ends: Ends, where: str) -> None:
        pre, post = ends.pre, ends.post
        if len(pre) != 3 or pre[0] != self.weights.shape[1]:
            raise ShapeError(
                "presynaptic shape does not fit the kernel",
                where=where,
                value=pre,
                limit=f"({self.weights.shape[1]}, H, W)",
            )
        if post != self.output_shape(pre):
            raise ShapeError(
                "postsynaptic shape does not fit", where=where, value=post, limit=self.output_shape(pre)
            )

    def _taps(self, pre: Shape, post: Shape) -> tuple[list[NDArray[Any]], NDArray[Any], NDArray[Any]]:
        """Of every tap (out, y, x, in, dy, dx): its indices, its source, and whether that is in the image (full shape;
        the others broadcast to it)."""
        out, c, ky, kx = self.weights.shape
        taps = list(np.indices((out, *post[1:], c, ky, kx), dtype=np.int32, sparse=True))
        row = taps[1] * self.stride + taps[4] - self.padding
        col = taps[2] * self.stride + taps[5] - self.padding
        inside = (row >= 0) & (row < pre[1]) & (col >= 0) & (col < pre[2])
        source = (taps[3] * pre[1] + row) * pre[2] + col
        shape = np.broadcast_shapes(*(tap.shape for tap in taps))
        return taps, source, np.broadcast_to(inside, shape)

    def synapses(self, ends: Ends, key: int) -> tuple[NDArray[Any], NDArray[Any]]:
        (o, y, x, *_), source, inside = self._taps(ends.pre, ends.post)
        target = (o * ends.post[1] + y) * ends.post[2] + x
        return np.broadcast_to(source, inside.shape)[inside], np.broadcast_to(target, inside.shape)[inside]

    def kernel(self, ends: Ends) -> NDArray[Any]:
        _, _, inside = self._taps(ends.pre, ends.post)
        found: NDArray[Any] = np.broadcast_to(self.weights[:, None, None], inside.shape)[inside]
        return found
