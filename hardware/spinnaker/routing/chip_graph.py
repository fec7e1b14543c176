"""The chips and links of a machine as arrays, and shortest paths on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.machine import Chip, Machine

__all__ = ["ChipGraph", "graph_of", "spanning_tree"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ChipGraph:
    """Chips by number.

    ``beyond``: int64 [chips, 6], the chip at the other end of a link, -1 without one.
    """

    chips: tuple[Chip, ...]
    number: dict[Chip, int]
    beyond: Ints


def graph_of(machine: Machine) -> ChipGraph:
    """The graph of a machine."""
    chips = tuple(machine.cores)
    number = {chip: k for k, chip in enumerate(chips)}
    beyond = np.full((len(chips), 6), -1, np.int64)
    for k, chip in enumerate(chips):
        for link in range(6):
            other = machine.neighbour(chip, link)
            if other is not None:
                beyond[k, link] = number[other]
    return ChipGraph(chips=chips, number=number, beyond=beyond)


@njit(cache=True, nogil=True)
def spanning_tree(beyond: Any, root: Any, order: Any, length: Any) -> Any:
    """Shortest paths from a chip to all others: int64 [chips, 2], the chip before and the link out of it (-1 at the
    root and where nothing leads).

    Of paths of equal length the one that goes straight on wins, so that most chips it crosses need no routing entry;
    then the link that comes first in ``order``.

    Args:
        order: int64 [6] links.
        length: int64 [chips, 6], positive, the same in both directions.
    """
    n = len(beyond)
    before = np.full((n, 2), -1, np.int64)
    distance = np.full(n, np.iinfo(np.int64).max, np.int64)
    done = np.zeros(n, np.bool_)
    frontier = np.empty(6 * n + 1, np.int64)  # chips with a distance that are not done; few at a time
    frontier[0], waiting = root, 1
    distance[root] = 0
    while waiting:
        nearest = 0
        for i in range(1, waiting):
            if distance[frontier[i]] < distance[frontier[nearest]]:
                nearest = i
        chip = frontier[nearest]
        for i in range(nearest + 1, waiting):
            frontier[i - 1] = frontier[i]
        waiting -= 1
        done[chip] = True
        for i in range(6):
            link = order[i]
            other = beyond[chip, link]
            if other < 0 or done[other]:
                continue
            # A bend costs one part in 1024 of a link: too little to make a path longer.
            to = distance[chip] + (length[chip, link] << 10) + (link != before[chip, 1])
            if to < distance[other]:
                if before[other, 0] < 0:
                    frontier[waiting] = other
                    waiting += 1
                distance[other] = to
                before[other, 0], before[other, 1] = chip, link
    return before
