"""Routing keys: which packet means which neuron.

A key is population << B | core << X | atom << 4 | colour, with X wide enough for the atoms of a core, B for the cores
of the widest population; only populations that send are numbered, in order (PACMAN, zoned_routing_info_allocator).
The four colour bits hold the step modulo 16 in which a packet was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics.ring_buffer import log2_up

__all__ = ["COLOUR_BITS", "KeySpace", "Sender", "allocate"]

COLOUR_BITS = 4
_KEY_BITS = 32
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A population that sends packets: its size and the atoms of a core.

    ``room``: atoms that the keys of a core have room for at least; 2 for a spike source, as on the host.
    """

    name: str
    size: int
    atoms: int
    room: int = 1

    @property
    def cores(self) -> int:
        """Number of cores."""
        return -(-self.size // self.atoms)

    @property
    def core_shift(self) -> int:
        """X: position of the core in a key."""
        return log2_up(max(self.room, min(self.size, self.atoms)) << COLOUR_BITS)

    @property
    def core_bits(self) -> int:
        """M: bits of the core in a key."""
        return log2_up(self.cores)


@dataclass(frozen=True, kw_only=True)
class KeySpace:
    """Keys of one population: ``key`` and ``mask`` of the whole, and of each core."""

    sender: Sender
    key: int
    mask: int

    @property
    def core_mask(self) -> int:
        """Mask that tells the cores of the machine apart."""
        return _WORD & ~((1 << self.sender.core_shift) - 1)

    def core_key(self, core: int) -> int:
        """Key of atom 0 of a core."""
        return self.key | core << self.sender.core_shift


def allocate(senders: Sequence[Sender]) -> dict[str, KeySpace]:
    """Key spaces by population, in the order given.

    Raises:
        CapacityError: 32 bits are not enough.
    """
    width = max((s.core_bits + s.core_shift for s in senders), default=0)
    if senders and log2_up(len(senders)) + width > _KEY_BITS:
        widest = max(senders, key=lambda s: s.core_bits + s.core_shift)
        left = _KEY_BITS - log2_up(len(senders))
        raise CapacityError(
            "its routing keys do not fit",
            where=f"population {widest.name!r}",
            value=f"{width} bits for its neurons, {_KEY_BITS - left} for {len(senders)} populations",
            limit=f"{_KEY_BITS} bits",
            remedy=f"Populations of {1 << max(left - COLOUR_BITS, 0)} neurons would fit",
        )
    mask = _WORD & ~((1 << width) - 1)
    return {s.name: KeySpace(sender=s, key=i << width, mask=mask) for i, s in enumerate(senders)}
