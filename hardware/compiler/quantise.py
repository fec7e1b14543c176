"""Pass 3, the part that targets share: rounding numbers to a grid, and how much that lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.loss_report import Loss, LossKind

__all__ = ["rounding_loss", "to_grid"]


def to_grid(values: ArrayLike, step: float, lowest: float, highest: float) -> NDArray[np.int64]:
    """Whole numbers of ``step``, round half to even, clipped to [lowest, highest] (in steps)."""
    return np.clip(np.rint(np.asarray(values, np.float64) / step), lowest, highest).astype(np.int64)


def rounding_loss(where: str, exact: NDArray[Any], rounded: NDArray[Any]) -> list[Loss]:
    """A loss with the root mean square error of the weights relative to theirs, or none if they are equal."""
    error = np.asarray(rounded, np.float64) - exact
    if not np.any(error):
        return []
    norm = float(np.sqrt(np.mean(np.square(exact, dtype=np.float64)))) or 1.0
    relative = float(np.sqrt(np.mean(error**2))) / norm
    return [
        Loss(
            kind=LossKind.ROUNDED,
            where=where,
            what="weights rounded, rms error relative to rms weight",
            amount=relative,
        )
    ]
