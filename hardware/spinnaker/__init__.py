"""SpiNNaker: limits, bit-exact arithmetic, mapping to a board, emitted memory and tables, and their emulator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.hardware.spinnaker.emulator import load as load
    from neurosim.hardware.spinnaker.target import SpiNNaker as SpiNNaker

_HOME = {
    "SpiNNaker": "target",
    "load": "emulator",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"neurosim.hardware.spinnaker.{_HOME[name]}"), name)
    raise AttributeError(f"module 'neurosim.hardware.spinnaker' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
