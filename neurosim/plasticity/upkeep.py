"""What is done to all synapses of a projection at an interval."""

from __future__ import annotations

from neurosim.errors import TimeGridError
from neurosim.parameters import Parameters, parameter

__all__ = ["Upkeep"]


class Upkeep(Parameters):
    """Base of upkeep: it acts at the end of every step after which a multiple of ``every`` seconds has passed.

    Attributes:
        every: interval, s; a multiple of dt.
    """

    every: float = parameter(default=1.0, unit="s", above=0.0)

    def interval(self, dt: float) -> int:
        """Steps between two times. Raises `TimeGridError` if ``every`` is not a multiple of dt."""
        steps = round(self.every / dt)
        if steps < 1 or abs(self.every / dt - steps) > 1e-6:
            raise TimeGridError(
                "is not a multiple of dt",
                where=f"{type(self).__name__}.every",
                value=self.every,
                limit=f"n * {dt:g} s",
            )
        return steps
