"""Connection rules: which presynaptic neuron meets which postsynaptic one. Symbolic until lowering."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import Parameters, parameter

__all__ = ["AllToAll", "Convolution2d", "FixedProbability", "OneToOne", "Rule", "Sparse"]

Index = NDArray[np.int32]
Shape = tuple[int, ...]


class Rule(Parameters):
    """Base of connection rules."""

    def check(self, pre: Shape, post: Shape, where: str) -> None:
        """Raise `ShapeError` if the rule cannot connect populations of these shapes."""

    def values_shape(self, pre: Shape, post: Shape) -> Shape | None:
        """The shape an array of weights or delays must have, or None if this rule takes none."""
        return None

    def synapses(self, pre: Shape, post: Shape, key: int) -> tuple[Index, Index]:
        """Presynaptic and postsynaptic flat index of every synapse, in the order of a flattened array of values."""
        raise NotImplementedError

    def kernel(self, pre: Shape, post: Shape) -> NDArray[Any] | None:
        """A factor for the weight of every synapse, if the rule carries one (convolution)."""
        return None


class AllToAll(Rule):
    """Every pair. Arrays are ``[n_pre, n_post]``."""

    def values_shape(self, pre: Shape, post: Shape) -> Shape:
        return math.prod(pre), math.prod(post)

    def synapses(self, pre: Shape, post: Shape, key: int) -> tuple[Index, Index]:
        n_pre, n_post = math.prod(pre), math.prod(post)
        i = np.repeat(np.arange(n_pre, dtype=np.int32), n_post)
        return i, np.tile(np.arange(n_post, dtype=np.int32), n_pre)


class OneToOne(Rule):
    """Neuron i to neuron i. Arrays are ``[n]``."""

    def check(self, pre: Shape, post: Shape, where: str) -> None:
        if math.prod(pre) != math.prod(post):
            raise ShapeError("OneToOne needs populations of equal size", where=where, value=(pre, post))

    def values_shape(self, pre: Shape, post: Shape) -> Shape:
        return (math.prod(pre),)

    def synapses(self, pre: Shape, post: Shape, key: int) -> tuple[Index, Index]:
        i = np.arange(math.prod(pre), dtype=np.int32)
        return i, i


class FixedProbability(Rule):
    """Each pair with probability ``p``, independently: ``FixedProbability(0.05)``. A population's pairs (i, i)
    count too."""

    p: float = parameter(minimum=0.0, maximum=1.0)

    def __init__(self, p: float) -> None:
        object.__setattr__(self, "p", p)
        self.__post_init__()

    def synapses(self, pre: Shape, post: Shape, key: int) -> tuple[Index, Index]:
        n_pre, n_post = math.prod(pre), math.prod(post)
        rows = max(1, 2**22 // max(n_post, 1))  # draw about four million pairs at a time
        chosen = np.concatenate(
            [
                random.below(key, first * n_post, min(first + rows, n_pre) * n_post, self.p)
                for first in range(0, n_pre, rows)
            ]
        )
        return (chosen // n_post).astype(np.int32), (chosen % n_post).astype(np.int32)


class Sparse(Rule):
    """A list of synapses: ``Sparse(pre, post)`` with flat indices. Arrays are ``[n_synapses]`` in list order."""

    pre: Index
    post: Index

    def __init__(self, pre: ArrayLike, post: ArrayLike) -> None:
        for name, values in (("pre", pre), ("post", post)):
            array = np.asarray(values)
            if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
                raise DescriptionError(
                    "must be a vector of integers",
                    where=f"Sparse.{name}",
                    value=f"{array.dtype}{array.shape}",
                )
            if array.size and (array.min() < 0 or array.max() >= 2**31):
                raise DescriptionError(
                    "holds an index that no population has",
                    where=f"Sparse.{name}",
                    value=int(array.min() if array.min() < 0 else array.max()),
                    limit=f"0 to {2**31 - 1}",
                )
            object.__setattr__(self, name, array.astype(np.int32))
        if len(self.pre) != len(self.post):
            raise ShapeError(
                "pre and post differ in length", where="Sparse", value=(len(self.pre), len(self.post))
            )
        self.__post_init__()

    def check(self, pre: Shape, post: Shape, where: str) -> None:
        for name, values, shape in (("pre", self.pre, pre), ("post", self.post, post)):
            if len(values) and (values.min() < 0 or values.max() >= math.prod(shape)):
                bad = int(values[(values < 0) | (values >= math.prod(shape))][0])
                raise ShapeError(
                    f"Sparse.{name} is out of range",
                    where=where,
                    value=bad,
                    limit=f"0 to {math.prod(shape) - 1}",
                )

    def values_shape(self, pre: Shape, post: Shape) -> Shape:
        return (len(self.pre),)

    def synapses(self, pre: Shape, post: Shape, key: int) -> tuple[Index, Index]:
        return self.pre, self.post


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

    def output_shape(self, pre: Shape) -> Shape:
        """The postsynaptic shape for a presynaptic (channels, height, width)."""
        out, _, ky, kx = self.weights.shape
        size = [(n + 2 * self.padding - k) // self.stride + 1 for n, k in zip(pre[1:], (ky, kx), strict=True)]
        return out, size[0], size[1]

    def check(self, pre: Shape, post: Shape, where: str) -> None:
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

    def synapses(self, pre: Shape, post: Shape, key: int) -> tuple[Index, Index]:
        (o, y, x, *_), source, inside = self._taps(pre, post)
        target = (o * post[1] + y) * post[2] + x
        return np.broadcast_to(source, inside.shape)[inside], np.broadcast_to(target, inside.shape)[inside]

    def kernel(self, pre: Shape, post: Shape) -> NDArray[Any]:
        _, _, inside = self._taps(pre, post)
        return np.broadcast_to(self.weights[:, None, None], inside.shape)[inside]
