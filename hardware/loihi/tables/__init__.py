"""The register tables of a chip, and their file."""

from __future__ import annotations

__all__: list[str] = []
