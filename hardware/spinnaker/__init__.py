"""SpiNNaker: limits, bit-exact arithmetic, mapping to a board, emitted memory and tables, and their emulator."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "SpiNNaker": "target",
    "load": "device",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"neurosim.hardware.spinnaker.{_HOME[name]}"), name)
    raise AttributeError(f"module 'neurosim.hardware.spinnaker' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
