"""What a build takes and does: resources, rounding, energy and time."""

from __future__ import annotations

__all__: list[str] = []
