"""Placement: cores onto chips, those of a population side by side, near chip (0, 0) first."""

from __future__ import annotations

from collections.abc import Sequence

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.machine import Machine
from neurosim.hardware.spinnaker.mapping.routes import Place

__all__ = ["place_cores"]


def place_cores(machine: Machine, sdram: Sequence[int], limit: int, labels: Sequence[str]) -> list[Place]:
    """A place for every core, in order: the first chip with a free processor and enough shared memory.

    Args:
        sdram: bytes of SDRAM each core needs.
        limit: bytes of SDRAM a chip has.
        labels: names for messages.

    Raises:
        CapacityError: the board is full, or one core needs more memory than a chip has.
    """
    free = {chip: list(cores) for chip, cores in machine.cores.items()}
    left = dict.fromkeys(machine.cores, limit)
    places: list[Place] = []
    for need, label in zip(sdram, labels, strict=True):
        chip = next((c for c in free if free[c] and left[c] >= need), None)
        if chip is None:
            if need > limit:
                raise CapacityError(
                    "the synapses of a core do not fit the memory of a chip",
                    where=f"core {label}",
                    value=f"{need} bytes",
                    limit=f"{limit} bytes",
                    remedy="Use fewer atoms per core",
                )
            raise CapacityError(
                "the network needs more cores than the board has",
                where=f"core {label}",
                value=f"{len(sdram)} cores",
                limit=f"{sum(map(len, machine.cores.values()))} cores, {limit} bytes a chip",
                remedy="Use a smaller network, more atoms per core, or shorter delays (long ones need more slots)",
            )
        places.append((*chip, free[chip].pop(0)))
        left[chip] -= need
    return places
