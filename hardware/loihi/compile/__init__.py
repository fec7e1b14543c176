"""From a plan, or a file of lava-dl, to a build: all passes in order."""

from __future__ import annotations

__all__: list[str] = []
