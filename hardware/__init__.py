"""Deploying to and emulating neuromorphic hardware. Installed as ``neurosim.hardware``.

``compile(net, target)`` gives a `Build`; ``load(folder).emulate(...)`` computes what the device would, from the files.
"""

from __future__ import annotations

if __name__ == "hardware":
    raise ImportError(
        "this folder is imported as neurosim.hardware; run from outside the repository or use python -P"
    )

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.hardware.compiler.compile import compile_network
    from neurosim.hardware.crossbar import Crossbar as Crossbar
    from neurosim.hardware.emulator import (
        Device as Device,
        Overflow as Overflow,
    )
    from neurosim.hardware.loihi.target import (
        Loihi1 as Loihi1,
        Loihi2 as Loihi2,
    )
    from neurosim.hardware.spinnaker.target import SpiNNaker as SpiNNaker
    from neurosim.hardware.target import (
        Build as Build,
        load as load,
        targets as targets,
    )

    compile = compile_network

_HOME = {
    "Build": ("target", "Build"),
    "Crossbar": ("crossbar", "Crossbar"),
    "Device": ("emulator", "Device"),
    "Loihi1": ("loihi.target", "Loihi1"),
    "Loihi2": ("loihi.target", "Loihi2"),
    "Overflow": ("emulator", "Overflow"),
    "SpiNNaker": ("spinnaker.target", "SpiNNaker"),
    "compile": ("compiler.compile", "compile_network"),
    "load": ("target", "load"),
    "targets": ("target", "targets"),
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(importlib.import_module(f"neurosim.hardware.{module}"), attribute)
    raise AttributeError(f"module 'neurosim.hardware' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
