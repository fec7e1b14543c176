"""The machine, run from the files of a build."""

from __future__ import annotations

__all__: list[str] = []
