"""From the numbers of a network to those of the machine: scales, words, shifts, weights."""

from __future__ import annotations

__all__: list[str] = []
