"""From a plan, or a network in PyNN's terms, to its build: quantised, mapped, written, reported on."""

from __future__ import annotations

__all__: list[str] = []
