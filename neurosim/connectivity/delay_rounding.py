"""From delays in seconds to whole steps."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError, TimeGridError

__all__ = ["GRID_TOLERANCE", "Rounding", "delay_steps"]

GRID_TOLERANCE = 1e-6
"""A delay lies on the grid when it is within this fraction of dt of a whole step."""

MAX_STEPS = 2**31 - 1


class Rounding(Enum):
    """How a delay that is not on the grid becomes a whole number of steps."""

    NEAREST = "nearest"
    """floor(d/dt + 1/2)"""
    UP = "up"
    DOWN = "down"


def delay_steps(delay: ArrayLike, dt: float, rounding: Rounding | None, where: str) -> NDArray[np.int32]:
    """Delays in seconds as int32 steps.

    Raises:
        DescriptionError: negative, NaN or absurdly long delays.
        TimeGridError: a delay off the grid (by more than `GRID_TOLERANCE` of dt) without a ``rounding``.
    """
    seconds = np.asarray(delay, np.float64)
    if not np.isfinite(seconds).all():
        raise DescriptionError("a delay is NaN or infinite", where=where)
    if seconds.size and seconds.min() < 0:
        raise DescriptionError("a delay is negative", where=where, value=float(seconds.min()), limit=">= 0 s")
    exact = seconds / dt
    if exact.size and exact.max() > MAX_STEPS:
        raise DescriptionError(
            "a delay is too long", where=where, value=float(seconds.max()), limit=f"{MAX_STEPS * dt:g} s"
        )
    nearest = np.floor(exact + 0.5)
    off = np.abs(exact - nearest) > GRID_TOLERANCE
    if not off.any():
        steps: Any = nearest
    elif rounding is None:
        raise TimeGridError(
            f"{int(off.sum())} of {off.size} delays are not multiples of dt = {dt:g} s",
            where=where,
            value=float(seconds[off].flat[0]),
            limit=f"multiples of dt to {GRID_TOLERANCE:g} dt",
            remedy="Change the delay or dt, or pass delay_rounding=Rounding.NEAREST (UP, DOWN)",
        )
    else:
        rule = {Rounding.NEAREST: nearest, Rounding.UP: np.ceil(exact), Rounding.DOWN: np.floor(exact)}[
            rounding
        ]
        steps = np.where(off, rule, nearest)
    return np.asarray(steps, np.int32)
