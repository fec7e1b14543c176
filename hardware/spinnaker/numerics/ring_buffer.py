"""Ring buffers: where weights wait for the step in which they arrive.

One unsigned 16-bit cell for each delay slot, receptor and neuron. Adding saturates at 65535 (sPyNNaker,
``neuron/synapses.c``); because weights are not negative and the cap absorbs, the content of a cell does not depend
on the order of the arrivals, only the number of capped additions does.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

__all__ = ["LARGEST", "RING_BITS", "accumulate", "index_bits", "log2_up", "slots_for"]

LARGEST = 0xFFFF
"""The largest content of a cell."""
RING_BITS = 14
"""Bits of neuron, receptor and slot index together (sPyNNaker's MAX_RING_BUFFER_BITS)."""


def accumulate(cell: Any, weight: Any) -> Any:
    """The new content of a cell and the amount by which the sum exceeds it (0 unless it saturated)."""
    total = int(cell) + int(weight)
    if total > LARGEST:
        return LARGEST, total - LARGEST
    return total, 0


def log2_up(n: int) -> int:
    """The smallest k with 2**k >= n."""
    return max(0, int(n) - 1).bit_length()


def index_bits(n: int) -> int:
    """Bits that index n things; one thing takes a bit as well (PACMAN's ``get_n_bits``)."""
    return max(1, log2_up(n))


def slots_for(atoms: int, types: int = 2) -> int:
    """Delay slots a core can hold with that many neurons and receptors."""
    return 1 << max(0, RING_BITS - index_bits(atoms) - index_bits(types))


register_jitable(accumulate)
