"""What spikes pass on their way from a population to its synapses: pooling, dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.errors import DataError, DescriptionError, ShapeError

__all__ = ["Transform", "checked_shape"]


class Transform(torch.nn.Module):
    """Base of layers without weights that stand before synapses. ``forward(x, state=None)`` maps ``[T, B, n_in]`` to
    (``[T, B, n_out]``, state afterwards).

    Attributes:
        n_in, n_out: size of what goes in and comes out; None: any, and the same.
    """

    n_in: int | None = None
    n_out: int | None = None

    def _check(self, x: Tensor) -> Tensor:
        """``x``, flat; `[T, B, *shape]` is flattened."""
        if not isinstance(x, Tensor):
            raise DataError("is not a tensor", where=type(self).__name__, value=type(x).__name__)
        flat = x.flatten(2) if x.ndim > 3 else x
        if x.ndim < 3 or (self.n_in is not None and flat.shape[2] != self.n_in):
            raise ShapeError(
                "spikes have the wrong shape",
                where=type(self).__name__,
                value=tuple(x.shape),
                limit=f"[T, B, {'n' if self.n_in is None else self.n_in}]",
            )
        return flat


def checked_shape(
    shape: int | Sequence[int], where: str, axes: Sequence[int] | None = None
) -> tuple[int, ...]:
    """A shape as a tuple of positive whole numbers; one number is an axis.

    Raises:
        DescriptionError: anything else, or another number of axes than one of ``axes``.
    """
    sizes: tuple[Any, ...] = tuple(np.atleast_1d(np.asarray(shape)).tolist())
    if not sizes or any(int(n) != n or n < 1 for n in sizes) or math.prod(sizes) > 2**31 - 1:
        raise DescriptionError("a shape is one or more positive whole numbers", where=where, value=shape)
    if axes is not None and len(sizes) not in axes:
        limit = " or ".join(f"{n} axes" for n in axes)
        raise DescriptionError("the shape has another number of axes", where=where, value=sizes, limit=limit)
    return tuple(int(n) for n in sizes)
