"""Times of sources and drives, in steps."""

from __future__ import annotations

import math

from neurosim.connectivity.delay_rounding import GRID_TOLERANCE
from neurosim.errors import TimeGridError

__all__ = ["FOREVER", "whole_steps"]

FOREVER = 2**62
"""The step of an infinite time."""


def whole_steps(seconds: float, dt: float, where: str, *, minimum: int = 0) -> int:
    """A time as steps; `FOREVER` for infinity.

    Raises:
        TimeGridError: a time that is not a multiple of dt, or less than ``minimum`` steps.
    """
    if math.isinf(seconds):
        return FOREVER
    steps = math.floor(seconds / dt + 0.5)
    if abs(seconds / dt - steps) > GRID_TOLERANCE or not minimum <= steps < 2**48:
        raise TimeGridError(
            f"is not a multiple of dt = {dt:g} s",
            where=where,
            value=seconds,
            limit=f"at least {minimum} steps, to {GRID_TOLERANCE:g} dt",
        )
    return steps
