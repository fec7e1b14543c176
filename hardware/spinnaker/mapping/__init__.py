"""Which neurons on which core, and which core where: numbers of atoms, limits, delays out of reach, places."""

from __future__ import annotations

__all__: list[str] = []
