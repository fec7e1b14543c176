"""The words that go onto the machine, and the files that hold them."""

from __future__ import annotations

__all__: list[str] = []
