"""What a network takes and loses on the machine: limits, weights, delays, cells, links, energy."""

from __future__ import annotations

__all__: list[str] = []
