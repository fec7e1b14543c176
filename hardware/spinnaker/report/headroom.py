"""Limits of the machine, how much of each a network takes, and where it is tightest."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Headroom"]


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """One limit.

    Attributes:
        limit: what is limited, with its unit.
        used, most: the amount in the tightest place, and the largest there can be.
        where: that place: a core, chip, projection, population; empty for the machine as a whole.
    """

    limit: str
    used: float
    most: float
    where: str = ""

    @property
    def share(self) -> float:
        """Share of the limit in use."""
        return self.used / self.most if self.most else 0.0
