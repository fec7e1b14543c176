"""The integers of a core, rule for rule those of the public models of the chip: state, weights, delays."""

from __future__ import annotations

__all__: list[str] = []
