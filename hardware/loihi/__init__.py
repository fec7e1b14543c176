"""Loihi-style chips: limits, bit-exact arithmetic, mapping, emitted tables and the emulator that runs them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.hardware.loihi.quantise import Signs as Signs
    from neurosim.hardware.loihi.target import Loihi1 as Loihi1, Loihi2 as Loihi2, load as load

_HOME = {
    "Loihi1": "target",
    "Loihi2": "target",
    "Signs": "quantise",
    "load": "target",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"neurosim.hardware.loihi.{_HOME[name]}"), name)
    raise AttributeError(f"module 'neurosim.hardware.loihi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
