"""Loihi-style chips: limits, bit-exact arithmetic, mapping, emitted tables and the emulator that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.hardware.loihi.compile.compile_netx import compile_netx as compile_netx
    from neurosim.hardware.loihi.emulator.device import load as load
    from neurosim.hardware.loihi.netx.layer_group import Reading as Reading
    from neurosim.hardware.loihi.netx.load_options import LoadOptions as LoadOptions
    from neurosim.hardware.loihi.signs import Signs as Signs
    from neurosim.hardware.loihi.target import Loihi1 as Loihi1, Loihi2 as Loihi2

_HOME = {
    "Loihi1": "target",
    "Loihi2": "target",
    "LoadOptions": "netx.load_options",
    "Reading": "netx.layer_group",
    "Signs": "signs",
    "compile_netx": "compile.compile_netx",
    "load": "emulator.device",
}

__all__ = [*_HOME]

__getattr__, __dir__ = lazy_names(__name__, _HOME)
