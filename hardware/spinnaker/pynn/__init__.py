"""Networks in PyNN's terms, and what sPyNNaker's host makes of them before it sends them to the machine."""

from __future__ import annotations

__all__: list[str] = []
