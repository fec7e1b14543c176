"""A script that builds a network as processes of Lava, and its arrays."""

from __future__ import annotations

__all__: list[str] = []
