"""From the numbers of a network to those of registers."""

from __future__ import annotations

__all__: list[str] = []
