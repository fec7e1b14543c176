"""What a chip does with its tables."""

from __future__ import annotations

__all__: list[str] = []
