"""The arithmetic of a core: s16.15 numbers, exponentials, ring buffers, one step of the neurons."""

from __future__ import annotations

__all__: list[str] = []
