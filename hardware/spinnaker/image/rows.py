"""Synaptic rows: the synapses of one source neuron on one core, as the words that lie in shared memory.

A row is [plastic words, 0 here][fixed synapses F][plastic controls, 0 here] and F words, one a synapse::

    raw weight (16) | delay | receptor | neuron on the core (index bits)

All rows of a block (one projection on one core) are padded with zeros to the same length; a block begins at a multiple
of 16 bytes (sPyNNaker ``synapse_row.h``, ``synapse_io.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits

__all__ = ["ALIGN_WORDS", "HEADER_WORDS", "RowFormat", "decode_block", "rows_of_block"]

Uint32 = NDArray[np.uint32]
HEADER_WORDS = 3
"""Words of a row before its synapses."""
ALIGN_WORDS = 4
"""A block begins at a multiple of so many words."""


@dataclass(frozen=True)
class RowFormat:
    """Layout of a synaptic word. ``atoms``: neurons a core of the target population has at most."""

    atoms: int
    receptors: int = 2

    @property
    def index_bits(self) -> int:
        """Bits of the neuron's index."""
        return index_bits(self.atoms)

    @property
    def type_bits(self) -> int:
        """Bits of the receptor."""
        return index_bits(self.receptors)

    def encode(self, weight: Any, delay: Any, receptor: Any, index: Any) -> Uint32:
        """Words of synapses: raw weight, delay in steps, receptor (0 excitatory), index on the core."""
        w, d, r, i = (np.asarray(a).astype(np.uint32) for a in (weight, delay, receptor, index))
        low = d << np.uint32(self.index_bits + self.type_bits) | r << np.uint32(self.index_bits) | i
        return w << np.uint32(16) | low

    def decode(self, words: Uint32) -> tuple[Uint32, Uint32, Uint32, Uint32]:
        """Raw weight, delay, receptor and index of words."""
        low = words & np.uint32(0xFFFF)
        index = low & np.uint32((1 << self.index_bits) - 1)
        receptor = low >> np.uint32(self.index_bits) & np.uint32((1 << self.type_bits) - 1)
        return words >> np.uint32(16), low >> np.uint32(self.index_bits + self.type_bits), receptor, index


def rows_of_block(memory: Uint32, start: int, length: int, first_row: int, n_rows: int, where: str) -> Uint32:
    """Consecutive rows of a block, uint32 [n_rows, 3 + length], not copied.

    Args:
        start: of the block, in bytes from the start of the memory.
        length: data words of a row.

    Raises:
        FileFormatError: they lie outside the memory.
    """
    stride = HEADER_WORDS + length
    begin = start // 4 + first_row * stride
    if start % (4 * ALIGN_WORDS) or begin + n_rows * stride > len(memory):
        raise FileFormatError(
            "synaptic rows lie outside the memory of the core",
            where=where,
            value=start,
            limit=len(memory) * 4,
        )
    return memory[begin : begin + n_rows * stride].reshape(n_rows, stride)


def decode_block(
    memory: Uint32, start: int, length: int, first_row: int, n_rows: int, where: str
) -> tuple[NDArray[np.int64], Uint32]:
    """Synapses of consecutive rows of a block, see `rows_of_block`: (row relative to ``first_row``, word) of each.

    Raises:
        FileFormatError: rows lie outside the memory, or say they are longer than they can be, or are plastic.
    """
    rows = rows_of_block(memory, start, length, first_row, n_rows, where)
    counts = rows[:, 1].astype(np.int64)
    if np.any(rows[:, 0] != 0) or np.any(rows[:, 2] != 0):
        raise FileFormatError("a row of a block without plasticity is plastic", where=where)
    if np.any(counts > length):
        raise FileFormatError(
            "a synaptic row is longer than its block", where=where, value=int(counts.max()), limit=length
        )
    held = np.arange(length) < counts[:, None]
    return np.repeat(np.arange(n_rows), counts), rows[:, HEADER_WORDS:][held]
