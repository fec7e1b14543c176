"""From device numbers to places: cores, keys, routes, tables."""

from __future__ import annotations

__all__: list[str] = []
