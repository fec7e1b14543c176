"""The tables of a chip as plain data: what is emitted, and all that the emulator knows.

Field names are those of Intel's NxSDK; `tables.layout` says what each means and holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.tables.layout import CORE_TABLES

__all__ = [
    "AXON",
    "CX_CFG",
    "CX_STATE",
    "SYNAPSE",
    "SYNAPSE_MAP",
    "ChipTables",
    "CoreTables",
    "InputTable",
    "Piece",
]

Ints = NDArray[np.int64]
Rows = NDArray[Any]

CX_CFG = CORE_TABLES["cxCfg"].dtype
"""a compartment: bias = bias << biasExp, rows of the two profile tables"""
CX_STATE = CORE_TABLES["cxState"].dtype
"""initial state of a compartment"""
SYNAPSE = CORE_TABLES["synapses"].dtype
SYNAPSE_MAP = CORE_TABLES["synapseMap"].dtype
"""an input axon: the synapses of atom a are the synapseLen ones from synapsePtr + a * synapseLen on; they end at the
compartments cxBase + CIdx"""
AXON = CORE_TABLES["axons"].dtype
"""an output axon: where spikes of a compartment go; popType 0 for a discrete spike, 16 or 32 for one of a population,
of which srcRelCx is the atom. ``srcCx`` of an input's axon is not used"""


@dataclass(frozen=True, eq=False, kw_only=True)
class CoreTables:
    """A core: its number, small tables as JSON values, and the long ones as rows of the dtypes above.

    ``registers``: ``cxProfileCfg``, ``vthProfileCfg``, ``synapseFmt`` (entry 0 unused, None), ``dendriteSharedCfg``,
    ``dendriteAccumCfg``, ``numUpdates``, ``programs`` (of runs of compartments: name, first, size and its numbers).
    """

    number: int
    registers: Mapping[str, Any]
    cx: Rows
    state: Rows
    synapses: Rows
    synapse_map: Rows
    axons: Rows


@dataclass(frozen=True)
class Piece:
    """Neurons ``neuron`` to ``neuron + size - 1`` of a population are compartments from ``compartment`` on."""

    core: int
    compartment: int
    neuron: int
    size: int


@dataclass(frozen=True, eq=False, kw_only=True)
class InputTable:
    """An input from the host: neuron n sends to the axons ``axons[start[n]:start[n + 1]]``; start int64 [size + 1]."""

    start: Ints
    axons: Rows


@dataclass(frozen=True, eq=False, kw_only=True)
class ChipTables:
    """A chip: the arithmetic it has (a name of `numerics.profiles`), its cores, and what populations and inputs are."""

    numerics: str
    cores: tuple[CoreTables, ...]
    populations: Mapping[str, tuple[Piece, ...]]
    inputs: Mapping[str, InputTable]
