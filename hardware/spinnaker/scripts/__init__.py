"""The same network as scripts that other tools run."""

from __future__ import annotations

__all__: list[str] = []
