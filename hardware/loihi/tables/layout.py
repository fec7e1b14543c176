"""Every table of a chip, field by field: type, range and meaning.

Field names are those of Intel's NxSDK, as nengo-loihi 1.1 hands them over (``hardware/builder.py``). Ranges are those
of Loihi 1's registers (nengo-loihi ``builder/validate.py``; Davies et al., IEEE Micro 38(1), 2018), widened where Lava
or brian2-loihi take more. Files, checks and the documentation are made from this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "CORE_TABLES",
    "INPUT_TABLES",
    "MOST_ROWS",
    "MOST_ROWS_OF_A_FILE",
    "POPULATION_TABLES",
    "TEXT_BYTES",
    "Field",
    "Table",
]

TEXT_BYTES = 32
"""Longest text in a table, ASCII."""

MOST_ROWS = {
    **dict.fromkeys(("cxProfileCfg", "vthProfileCfg", "cxCfg", "cxState", "synapseMap", "programs"), 1 << 16),
    "synapseFmt": 1 << 8,
    "cxMetaState": 1 << 14,
    "programNumbers": 1 << 19,
}
"""Rows of a table that the pointers to it can name: 16 bits, 8 of a format; 8 numbers of a program."""

MOST_ROWS_OF_A_FILE = {
    **dict.fromkeys((*(name for name in MOST_ROWS if name != "synapseMap"), "pieces"), 1 << 22),
    "start": 1 << 24,
}
"""Rows of all tables of a name together: four times the compartments of a Loihi 2. A file of a few KiB can declare so
many equal rows that no memory holds what is made of them."""

_STATE = 1 << 23


@dataclass(frozen=True)
class Field:
    """A column: its type as NumPy writes it, the least and largest value (both allowed), and what it says."""

    name: str
    type: str
    low: int
    high: int
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table: its columns, how many rows it has (None: any number), and what a row is."""

    name: str
    fields: tuple[Field, ...]
    row: str
    rows: int | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Structured type of a row, packed, little-endian."""
        return np.dtype([(f.name, f.type) for f in self.fields])


def _named(tables: Iterable[Table]) -> dict[str, Table]:
    return {t.name: t for t in tables}


def _bits(name: str, bits: int, meaning: str) -> Field:
    return Field(name, "u1", 0, (1 << bits) - 1, meaning)


_TEXT = f"S{TEXT_BYTES}"
_ROW = Field("row", "<u2", 0, (1 << 16) - 1, "row of `programs` that the number belongs to")

CX_PROFILE_CFG = Table(
    "cxProfileCfg",
    (
        Field("decayU", "<i2", -1, 4095, "4095 - decayU parts in 4096 of u are kept; -1 keeps all (lava-dl)"),
        Field("decayV", "<i2", 0, 4096, "4096 - decayV parts in 4096 of v are kept"),
        Field(
            "refractDelay",
            "u1",
            1,
            63,
            "steps from a spike to the first in which v moves again; 1: no dead step",
        ),
        _bits("enableNoise", 1, "1: the compartment gets noise"),
        _bits("bapAction", 2, "what a spike does to the compartment; always 1, reset"),
    ),
    "a profile of compartments",
)
VTH_PROFILE_CFG = Table(
    "vthProfileCfg",
    (Field("vth", "<u4", 0, 131071, "threshold mantissa: a spike needs v > 64 * vth"),),
    "a threshold",
)
SYNAPSE_FMT = Table(
    "synapseFmt",
    (
        _bits("wgtLimitMant", 4, "limit of learned weights; 0"),
        _bits("wgtLimitExp", 4, "limit of learned weights; 0"),
        Field("wgtExp", "i1", -7, 7, "a stored weight acts on u as Wgt * 2^(6 + wgtExp)"),
        _bits("discMaxWgt", 1, "learning; 0"),
        _bits("learningCfg", 4, "learning; 0"),
        Field("tagBits", "u1", 0, 3, "bits of a learning tag in a synapse"),
        Field("dlyBits", "u1", 0, 7, "bits of a delay in a synapse"),
        Field(
            "wgtBits",
            "u1",
            0,
            7,
            "bits of a weight: 0 to 6 as they are, 7 for 8; 0 in the unused row 0 alone",
        ),
        _bits("reuseSynData", 1, "0"),
        Field("numSynapses", "u1", 0, 63, "synapses in a block, less one"),
        _bits("cIdxOffset", 4, "0"),
        _bits("cIdxMult", 4, "0"),
        _bits("skipBits", 2, "0"),
        Field("idxBits", "u1", 0, 7, "bits of CIdx: 0 for 0, n for n + 5"),
        _bits("synType", 2, "1"),
        Field(
            "fanoutType",
            "u1",
            0,
            3,
            "sign of the weights: 1 mixed, 2 excitatory, 3 inhibitory; 0 in row 0 alone",
        ),
        Field(
            "compression",
            "u1",
            0,
            3,
            "0: each synapse carries its CIdx; 3: consecutive compartments, none does",
        ),
        _bits("stdpProfile", 4, "learning; 0"),
        _bits("ignoreDly", 1, "1: synapses carry no delay"),
    ),
    "a format of synapses; row 0 is unused and holds zeros",
)
DENDRITE_SHARED_CFG = Table(
    "dendriteSharedCfg",
    (
        Field("posVmLimit", "u1", 0, 7, "v saturates at 2^(9 + 2 posVmLimit) - 1"),
        Field("negVmLimit", "u1", 0, 31, "v saturates at 1 - 2^negVmLimit"),
        Field("noiseExp0", "u1", 0, 31, "exponent of noise"),
        Field("noiseMantOffset0", "i1", -64, 63, "offset of noise"),
        _bits("noiseAtDendOrVm", 1, "0: noise is added to u's arrivals, 1: to the bias"),
    ),
    "what all compartments of the core share",
    rows=1,
)
DENDRITE_ACCUM_CFG = Table(
    "dendriteAccumCfg",
    (
        Field(
            "delayBits",
            "u1",
            0,
            7,
            "a compartment has 2^delayBits accumulators: delays to 2^delayBits - 2 register steps",
        ),
    ),
    "accumulators of the core",
    rows=1,
)
NUM_UPDATES = Table(
    "numUpdates",
    (
        Field("numUpdates", "<u2", 0, (1 << 16) - 1, "groups of four compartments that are updated"),
        Field("numStdp", "<u2", 0, (1 << 16) - 1, "learning axons; 0"),
    ),
    "work of the core in a step",
    rows=1,
)
PROGRAMS = Table(
    "programs",
    (
        Field("name", _TEXT, 0, 0, "name of the neuron program, as `Program` has it in lower case"),
        Field("first", "<u2", 0, (1 << 16) - 1, "first compartment that runs it"),
        Field("size", "<u4", 0, 1 << 16, "compartments that run it"),
    ),
    "a run of compartments with a program of its own (Loihi 2); compartments in none are leaky integrate-and-fire",
)
PROGRAM_NUMBERS = Table(
    "programNumbers",
    (
        _ROW,
        Field("name", _TEXT, 0, 0, "name of the number"),
        Field("value", "<i8", -(1 << 62), 1 << 62, "the number"),
    ),
    "a number that all neurons of a run share",
)
CX_CFG = Table(
    "cxCfg",
    (
        Field("bias", "<i2", -4096, 4095, "bias mantissa; added to u in each step as bias * 2^biasExp"),
        Field("biasExp", "u1", 0, 7, "bias exponent"),
        Field("vthProfile", "<u2", 0, (1 << 16) - 1, "row of vthProfileCfg"),
        Field("cxProfile", "<u2", 0, (1 << 16) - 1, "row of cxProfileCfg"),
    ),
    "a compartment",
)
CX_STATE = Table(
    "cxState",
    (
        Field("u", "<i4", -_STATE, _STATE, "current in units of the state, 2^-6 of a weight at wgtExp 0"),
        Field("v", "<i4", -_STATE, _STATE, "potential in the same units"),
    ),
    "initial state of a compartment, in the order of cxCfg",
)
CX_META_STATE = Table(
    "cxMetaState",
    tuple(_bits(f"phase{i}", 2, f"2 if compartment 4 row + {i} is in use, else 0") for i in range(4)),
    "four compartments",
)
SYNAPSES = Table(
    "synapses",
    (
        Field(
            "CIdx",
            "<u2",
            0,
            (1 << 16) - 1,
            "compartment, counted from the cxBase of the axon that leads here",
        ),
        Field("Wgt", "<i2", -256, 255, "weight as stored"),
        Field("Dly", "u1", 0, 63, "register steps of delay: the spike arrives Dly + 1 steps later"),
        Field("synFmtId", "u1", 1, 255, "row of synapseFmt"),
        _bits("LrnEn", 1, "learning; 0"),
    ),
    "a synapse",
)
SYNAPSE_MAP = Table(
    "synapseMap",
    (
        Field("synapsePtr", "<u4", 0, (1 << 32) - 1, "row of synapses where those of atom 0 begin"),
        Field(
            "synapseLen",
            "<u4",
            0,
            (1 << 32) - 1,
            "synapses of each atom; those of atom a begin a * synapseLen later",
        ),
        Field(
            "popSize", "<u2", 1, 4096, "atoms: presynaptic neurons that share the axon; 1 for a discrete axon"
        ),
        Field(
            "cxBase",
            "<i2",
            -1,
            (1 << 15) - 1,
            "what CIdx counts from; -1: the axon leads nowhere",
        ),
        Field(
            "atomBits",
            "u1",
            0,
            7,
            "bits beyond five that tell the atoms of a population of 16-bit spikes apart",
        ),
    ),
    "an input axon",
)
AXONS = Table(
    "axons",
    (
        Field("srcCx", "<u2", 0, (1 << 16) - 1, "compartment that sends; 0 in an input's table"),
        Field("dstChip", "<u2", 0, 0, "chip; always 0"),
        Field("dstCore", "<u2", 0, (1 << 16) - 1, "number of the core it leads to"),
        Field("dstSynMapId", "<u2", 0, (1 << 16) - 1, "row of that core's synapseMap"),
        Field("popType", "u1", 0, 32, "0 for a discrete spike, 16 or 32 for one of a population"),
        Field(
            "popId",
            "<u2",
            0,
            (1 << 16) - 1,
            "number of the population among those of this table; 0 if discrete",
        ),
        Field("srcRelCx", "<u2", 0, 4095, "atom that the sender is on this axon"),
    ),
    "an output axon",
)
PIECES = Table(
    "pieces",
    (
        Field("core", "<u2", 0, (1 << 16) - 1, "number of the core"),
        Field("compartment", "<u2", 0, (1 << 16) - 1, "compartment of the first neuron"),
        Field("neuron", "<u4", 0, (1 << 31) - 1, "first neuron, in the order of the population"),
        Field("size", "<u4", 0, 1 << 16, "neurons; they follow each other on the core as in the population"),
    ),
    "consecutive neurons of a population on consecutive compartments; rows in the order of neurons",
)
START = Table(
    "start",
    (Field("axon", "<u4", 0, (1 << 32) - 1, "row of axons where those of this neuron begin"),),
    "a neuron of the input, and one row more: the end",
)

CORE_TABLES = _named(
    (
        CX_PROFILE_CFG, VTH_PROFILE_CFG, SYNAPSE_FMT, DENDRITE_SHARED_CFG, DENDRITE_ACCUM_CFG, NUM_UPDATES,
        PROGRAMS, PROGRAM_NUMBERS, CX_CFG, CX_STATE, CX_META_STATE, SYNAPSES, SYNAPSE_MAP, AXONS,
    )
)  # fmt: skip
"""Tables of a core, in the order in which a file has them."""
POPULATION_TABLES = _named((PIECES,))
"""Tables of a population."""
INPUT_TABLES = _named((START, AXONS))
"""Tables of an input from the host."""
