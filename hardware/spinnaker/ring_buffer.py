"""Ring buffers: where weights wait for the step in which they arrive.

One unsigned 16-bit cell for each delay slot, receptor and neuron. Adding saturates at 65535 (sPyNNaker,
``neuron/synapses.c``); because weights are not negative and the cap absorbs, the content of a cell does not depend on the
order of the arrivals, only the number of capped additions does.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

__all__ = ["LARGEST", "accumulate", "log2_up", "slots_for"]

LARGEST = 0xFFFF
RING_BITS = 14  # MAX_RING_BUFFER_BITS: neuron, receptor and slot index together


def accumulate(cell: Any, weight: Any) -> Any:
    """The new content of a cell and the amount by which the sum exceeds it (0 unless it saturated)."""
    total = int(cell) + int(weight)
    if total > 0xFFFF:
        return 0xFFFF, total - 0xFFFF
    return total, 0


def log2_up(n: int) -> int:
    """Bits that index n things."""
    return max(0, int(n) - 1).bit_length()


def slots_for(atoms: int, types: int = 2) -> int:
    """Delay slots a core can hold with that many neurons and receptors."""
    return 1 << max(0, RING_BITS - log2_up(atoms) - log2_up(types))


register_jitable(accumulate)
