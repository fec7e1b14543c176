"""Ring buffers: where weights wait for the step in which they arrive.

One unsigned 16-bit cell for each delay slot, receptor and neuron. Adding saturates at 65535 (sPyNNaker,
``neuron/synapses.c``); because weights are not negative and the cap absorbs, the content of a cell does not depend
on the order of the arrivals, only the number of capped additions does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

__all__ = [
    "LARGEST",
    "RING_BITS",
    "accumulate",
    "delay_bits",
    "index_bits",
    "log2_up",
    "raw_unit",
    "slots_for",
    "undelivered",
]

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


def raw_unit(shift: Any) -> Any:
    """What a raw weight of one stands for at a left shift, or an array of them: ``1 << shift`` is a word of s16.15."""
    return 2.0 ** (shift - 15)


def delay_bits(longest: int, slots: int) -> int:
    """Bits of a slot in the ring buffers of cores that can have so many slots, for delays up to ``longest`` steps."""
    return index_bits(min(longest, slots))


def undelivered(delay: NDArray[Any], delay_bits: int, slots: int) -> NDArray[np.bool_]:
    """Which plastic synapses never deliver: those whose delay fills the ring buffer, and so is zero where it is masked.

    A core compares the masked delay with the age of the packet, and skips the synapse as too late; its weight still
    changes, as if the delay were zero (sPyNNaker ``synapse_dynamics_stdp_mad_impl.c``). Fixed synapses are not
    affected.

    Args:
        delay: steps, >= 1. delay_bits: see `delay_bits`. slots: beyond which delays go through a delay extension.
    """
    return np.asarray(((delay.astype(np.int64) - 1) % slots + 1) & ((1 << delay_bits) - 1) == 0)


register_jitable(accumulate)
