"""lava-dl's HDF5 network files: read, written, run."""

from __future__ import annotations

__all__: list[str] = []
