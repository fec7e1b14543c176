"""SpiNNaker: limits, bit-exact arithmetic, mapping to a board, emitted memory and tables, and their emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.hardware.spinnaker.compile.compile_pynn import compile_pynn as compile_pynn
    from neurosim.hardware.spinnaker.content_addressable_memory import (
        ContentAddressableMemory as ContentAddressableMemory,
    )
    from neurosim.hardware.spinnaker.emulator.device import load as load
    from neurosim.hardware.spinnaker.long_delays import LongDelays as LongDelays
    from neurosim.hardware.spinnaker.pynn.network import (
        PyNNNetwork as PyNNNetwork,
        PyNNPopulation as PyNNPopulation,
        PyNNProjection as PyNNProjection,
        PyNNSTDP as PyNNSTDP,
    )
    from neurosim.hardware.spinnaker.scripts.spinnaker2_script import (
        SpiNNaker2Script as SpiNNaker2Script,
        spinnaker2_script as spinnaker2_script,
    )
    from neurosim.hardware.spinnaker.target import SpiNNaker as SpiNNaker

_HOME = {
    "ContentAddressableMemory": "content_addressable_memory",
    "LongDelays": "long_delays",
    "PyNNNetwork": "pynn.network",
    "PyNNPopulation": "pynn.network",
    "PyNNProjection": "pynn.network",
    "PyNNSTDP": "pynn.network",
    "SpiNNaker": "target",
    "SpiNNaker2Script": "scripts.spinnaker2_script",
    "compile_pynn": "compile.compile_pynn",
    "load": "emulator.device",
    "spinnaker2_script": "scripts.spinnaker2_script",
}

__all__ = [*_HOME]

__getattr__, __dir__ = lazy_names(__name__, _HOME)
