"""Pass 3, the part that targets share: rounding numbers to a grid, and how much that lost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.loss_report import Loss, LossKind

__all__ = ["RoundingError", "rounding_loss", "to_grid"]


def to_grid(values: ArrayLike, step: float, lowest: float, highest: float) -> NDArray[np.int64]:
    """Whole numbers of ``step``, round half to even, clipped to [lowest, highest] (in steps)."""
    return np.clip(np.rint(np.asarray(values, np.float64) / step), lowest, highest).astype(np.int64)


def rounding_loss(where: str, exact: NDArray[Any], rounded: NDArray[Any]) -> list[Loss]:
    """A loss with the root mean square error of the weights relative to theirs, or none if they are equal."""
    error = RoundingError()
    error.add(exact, rounded)
    return error.losses(where)


class RoundingError:
    """What `rounding_loss` says of weights that come in pieces."""

    def __init__(self) -> None:
        self._n = 0
        self._error = 0.0
        self._exact = 0.0

    def add(self, exact: NDArray[Any], rounded: NDArray[Any]) -> None:
        """Take some weights into account, and what they were rounded to."""
        self._n += np.size(exact)
        self._error += float(np.sum((np.asarray(rounded, np.float64) - exact) ** 2))
        self._exact += float(np.sum(np.square(exact, dtype=np.float64)))

    def losses(self, where: str) -> list[Loss]:
        """The loss, or none if all are equal."""
        if not self._error:
            return []
        norm = math.sqrt(self._exact / self._n) or 1.0
        relative = math.sqrt(self._error / self._n) / norm
        return [
            Loss(
                kind=LossKind.ROUNDED,
                where=where,
                what="weights rounded, rms error relative to rms weight",
                amount=relative,
            )
        ]
