"""Synapse formats: how a list of synapses is packed into the 64-bit words of a core, and how much it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.hardware.loihi.numerics.weights import WEIGHT_WIDTHS, SignMode

__all__ = [
    "BLOCK",
    "COMPRESSION_DENSE",
    "COMPRESSION_SPARSE",
    "INDEX_WIDTHS",
    "SynapseFormat",
    "bits_per_synapse",
    "index_fields",
    "memory_bits",
    "weight_field",
]

Ints = NDArray[np.int64]

_MIXED = int(SignMode.MIXED)
_WEIGHTS, _INDICES = np.array((*WEIGHT_WIDTHS, 8)), np.array((0, 6, 7, 8, 9, 10, 11, 12, 13))
_FIELD_OF_WIDTH = np.searchsorted(WEIGHT_WIDTHS, np.arange(10)).astype(np.int64)

INDEX_WIDTHS = (0, 6, 7, 8, 9, 10, 11, 12)
"""Bits of a compartment index for the values 0..7 of the register field."""

BLOCK = 63
"""Field ``numSynapses``: blocks of 64 synapses, as nengo-loihi sets it."""

COMPRESSION_SPARSE = 0
"""each synapse carries its compartment index"""
COMPRESSION_DENSE = 3
"""a run of consecutive compartments; no index is stored"""

_HEADER = 4 + 6
"""Bits before the synapses of a block: format index and number of synapses."""


@dataclass(frozen=True, kw_only=True, order=True)
class SynapseFormat:
    """One entry of a core's table of synapse formats; the fields are register values, in NxSDK's meaning.

    Args:
        mode: sign of the weights (``fanoutType``).
        exponent: ``wgtExp``; a stored weight m acts as ``m * 2^(6 + exponent)``.
        weight_bits, index_bits: fields of `WEIGHT_WIDTHS` and `INDEX_WIDTHS`.
        delay_bits, tag_bits: bits of a delay and of a learning tag.
        compression: `COMPRESSION_SPARSE` or `COMPRESSION_DENSE`.
        block: synapses in a block, less one (``numSynapses``).
    """

    mode: SignMode = SignMode.MIXED
    exponent: int = 0
    weight_bits: int = 7
    index_bits: int = 7
    delay_bits: int = 0
    tag_bits: int = 0
    compression: int = COMPRESSION_SPARSE
    block: int = BLOCK

    def bits_per_synapse(self) -> int:
        """Bits that each synapse takes within a block."""
        index = INDEX_WIDTHS[self.index_bits] if self.compression == COMPRESSION_SPARSE else 0
        return WEIGHT_WIDTHS[self.weight_bits] + self.delay_bits + self.tag_bits + index

    def bits(self, synapses: ArrayLike) -> NDArray[np.int64]:
        """Memory in bits of lists of ``synapses`` synapses each: full blocks and a rest, in whole 64-bit words."""
        return memory_bits(synapses, self.bits_per_synapse(), self.block)


def memory_bits(synapses: ArrayLike, per_synapse: ArrayLike, block: int = BLOCK) -> NDArray[np.int64]:
    """Memory in bits of lists of ``synapses`` synapses of ``per_synapse`` bits each, arrays that broadcast."""
    n, per = np.asarray(synapses, dtype=np.int64), np.asarray(per_synapse, dtype=np.int64)
    size = block + 1

    def words(k: NDArray[np.int64] | int) -> NDArray[np.int64]:
        return -(-(k * per + _HEADER) // 64) * 64

    rest = n % size
    return n // size * words(size) + np.where(rest > 0, words(rest), 0)


def weight_field(mode: Ints, low: Ints, high: Ints) -> Ints:
    """Field of the narrowest weight with the bits ``low`` to ``high``, and a sign if MIXED; 8 where none holds it."""
    return _FIELD_OF_WIDTH[np.minimum(high - low + 1 + (mode == _MIXED), len(_FIELD_OF_WIDTH) - 1)]


def index_fields(largest: Ints) -> Ints:
    """The smallest field ``idxBits`` for each largest index; 8 where none holds it."""
    return np.searchsorted(INDEX_WIDTHS, np.frexp(largest.astype(np.float64))[1]).astype(np.int64)


def bits_per_synapse(weight: Ints, index: Ints, delay_bits: Ints, dense: NDArray[Any]) -> Ints:
    """Bits that each synapse takes in formats of these fields; ``dense`` ones store no index."""
    return _WEIGHTS[weight] + delay_bits + _INDICES[np.where(dense, 0, index)]
