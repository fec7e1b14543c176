"""The tables of a chip as plain data: what is emitted, and all that the emulator knows.

Field names are those of Intel's NxSDK, as nengo-loihi 1.1 hands them over (``hardware/builder.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

CX_CFG = np.dtype([("bias", "<i2"), ("biasExp", "u1"), ("vthProfile", "<u2"), ("cxProfile", "<u2")])
"""a compartment: bias = bias << biasExp, rows of the two profile tables"""
CX_STATE = np.dtype([("u", "<i4"), ("v", "<i4")])
"""initial state of a compartment"""
SYNAPSE = np.dtype([("CIdx", "<u2"), ("Wgt", "<i2"), ("Dly", "u1"), ("synFmtId", "u1"), ("LrnEn", "u1")])
SYNAPSE_MAP = np.dtype(
    [("synapsePtr", "<u4"), ("synapseLen", "<u4"), ("popSize", "<u2"), ("cxBase", "<i2"), ("atomBits", "u1")]
)
"""an input axon: the synapses of atom a are the synapseLen ones from synapsePtr + a * synapseLen on; they end at the
compartments cxBase + CIdx"""
AXON = np.dtype(
    [
        ("srcCx", "<u2"),
        ("dstChip", "<u2"),
        ("dstCore", "<u2"),
        ("dstSynMapId", "<u2"),
        ("popId", "u1"),
        ("srcRelCx", "<u2"),
    ]
)
"""an output axon: where spikes of a compartment go; popId 0 for a discrete spike, 16 or 32 for one of a population, of
which srcRelCx is the atom. ``srcCx`` of an input's axon is not used"""


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
