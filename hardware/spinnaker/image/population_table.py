"""The master population table: how a core finds the synaptic rows of a packet.

Words: number of entries, number of addresses; then five words an entry, sorted by key; then one word an address
(sPyNNaker ``population_table.h``, ``master_pop_table.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError, FileFormatError
from neurosim.hardware.spinnaker.routing.keys import COLOUR_BITS, KeySpace

__all__ = ["TableEntry", "decode_table", "encode_table", "entry_for", "table_words"]

Uint32 = NDArray[np.uint32]
_ENTRY_WORDS = 5
_INVALID = 0xFFFFFF
_MOST_ADDRESSES = (1 << 13) - 1


@dataclass(frozen=True, kw_only=True)
class TableEntry:
    """One source population.

    Attributes:
        key, mask: of the whole population.
        core_mask, core_shift: where its core is in a key.
        neurons: atoms of each of its cores (but the last).
        blocks: (start in bytes, data words of a row) of each of its blocks on this core; no words: a projection without
            synapses, which has an address that is marked invalid.
    """

    key: int
    mask: int
    core_mask: int
    core_shift: int
    neurons: int
    blocks: tuple[tuple[int, int], ...]

    def row(self, key: int) -> int:
        """Row of the source neuron that a key names."""
        core = key >> self.core_shift & self.core_mask
        local = (key & ~self.mask & ((1 << self.core_shift) - 1)) >> COLOUR_BITS
        return core * self.neurons + local


def table_words(entries: int, addresses: int) -> int:
    """Words of a table of so many entries and addresses."""
    return 2 + _ENTRY_WORDS * entries + addresses


def entry_for(space: KeySpace, blocks: Sequence[tuple[int, int]]) -> TableEntry:
    """The entry of a population with these blocks."""
    s = space.sender
    return TableEntry(
        key=space.key,
        mask=space.mask,
        core_mask=(1 << s.core_bits) - 1,
        core_shift=s.core_shift,
        neurons=min(s.size, s.atoms),
        blocks=tuple(blocks),
    )


def encode_table(entries: Sequence[TableEntry]) -> Uint32:
    """The words of a table.

    Raises:
        CapacityError: a field is too narrow.
    """
    head: list[int] = []
    addresses: list[int] = []
    for e in sorted(entries, key=lambda e: e.key):
        if e.neurons > 0xFFFF or len(addresses) > _MOST_ADDRESSES:
            raise CapacityError(
                "the population table of a core cannot hold this",
                value=f"{e.neurons} neurons of a source core, {len(addresses)} blocks",
                limit=f"{0xFFFF} neurons, {_MOST_ADDRESSES} blocks",
                remedy="Split the source, or use fewer projections",
            )
        head += [
            e.key,
            e.mask,
            len(addresses) | COLOUR_BITS << 13 | len(e.blocks) << 16,
            e.core_mask | e.core_shift << 16,
            e.neurons | -(-e.neurons // 32) << 16,
        ]
        for start, length in e.blocks:
            if not length:
                addresses.append(_INVALID << 8)
                continue
            if not 1 <= length <= 256 or start // 16 >= _INVALID:
                raise CapacityError(
                    "a block of synaptic rows is too large",
                    value=f"{length} words a row, start {start}",
                    limit=f"256 words, {_INVALID * 16} bytes",
                    remedy="Use fewer atoms per core",
                )
            addresses.append(length - 1 | start // 16 << 8)
    return np.array([len(entries), len(addresses), *head, *addresses], dtype=np.uint32)


def decode_table(words: Uint32, where: str) -> list[TableEntry]:
    """The entries of a table; address words marked invalid are left out.

    Raises:
        FileFormatError: the words do not make up a table.
    """
    if len(words) < 2 or len(words) != table_words(int(words[0]), int(words[1])):
        raise FileFormatError("population table is truncated", where=where, value=f"{len(words)} words")
    n = int(words[0])
    addresses = words[2 + _ENTRY_WORDS * n :].tolist()
    entries = []
    for i in range(n):
        key, mask, place, cores, neurons = words[2 + _ENTRY_WORDS * i :][:_ENTRY_WORDS].tolist()
        start, count = place & 0x1FFF, place >> 16
        if start + count > len(addresses):
            raise FileFormatError(
                "population table points beyond its addresses", where=where, value=start + count
            )
        blocks = tuple(
            (a >> 8 << 4, (a & 0xFF) + 1) for a in addresses[start : start + count] if a >> 8 != _INVALID
        )
        entries.append(
            TableEntry(
                key=key,
                mask=mask,
                core_mask=cores & 0xFFFF,
                core_shift=cores >> 16,
                neurons=neurons & 0xFFFF,
                blocks=blocks,
            )
        )
    return entries
