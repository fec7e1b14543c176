"""Deploying to and emulating neuromorphic hardware. Installed as ``neurosim.hardware``.

``compile(net, target)`` gives a `Build`; ``load(folder).emulate(...)`` computes what the device would, from the files.
"""

from __future__ import annotations

if __name__ == "hardware":
    raise ImportError(
        "this folder is imported as neurosim.hardware; run from outside the repository or use python -P"
    )

from typing import TYPE_CHECKING

from neurosim.lazy import lazy_names

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
    "Build": "target",
    "Crossbar": "crossbar",
    "Device": "emulator",
    "Loihi1": "loihi.target",
    "Loihi2": "loihi.target",
    "Overflow": "emulator",
    "SpiNNaker": "spinnaker.target",
    "compile": "compiler.compile:compile_network",
    "load": "target",
    "targets": "target",
}

__all__ = [*_HOME]

__getattr__, __dir__ = lazy_names(__name__, _HOME)
