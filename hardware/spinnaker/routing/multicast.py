"""Multicast: which routers the packets of a population pass, and what each of them does with them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.routing.chip_graph import ChipGraph
from neurosim.hardware.spinnaker.routing.keys import KeySpace

__all__ = ["Branches", "Demand", "arrivals_of", "branches_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Demand:
    """What has to get from the cores of a population to other cores.

    Attributes:
        space: keys of the population.
        source: int64 [cores], chip of each core.
        start: int64 [cores + 1]; chip, word: int64 [k]. Core c sends to the chips ``chip[start[c]:start[c + 1]]``,
            each once, and there to the processors in ``word``, a route word.
    """

    space: KeySpace
    source: Ints
    start: Ints
    chip: Ints
    word: Ints


class Branches(NamedTuple):
    """What routers do with the packets of each core, int64 [k] each, by chip, then core.

    ``route``: route word. ``default``: what the router does without an entry, see `Arrivals`.
    """

    core: Ints
    chip: Ints
    route: Ints
    default: Ints


def branches_of(graph: ChipGraph, demand: Demand, trees: Sequence[Ints], which: Ints) -> Branches:
    """The multicast tree of every core of a population.

    Args:
        trees: spanning trees of the machine. which: the one that the packets of each core stay on, up and down, so
            that those of cores on one tree share routes wherever they meet.
    """
    stack = np.stack(trees)
    room = 4 * len(demand.chip) + 16
    while True:
        out = np.empty((4, room), np.int64)
        need = _branch(graph.beyond, stack, which, demand.source, demand.start, demand.chip, demand.word, out)
        if need <= room:
            break
        room = need
    out = out[:, :need]
    return Branches(*out.take(np.lexsort((out[0], out[1])), axis=1))


@njit(cache=True, nogil=True)
def _branch(
    beyond: Any, trees: Any, which: Any, source: Any, start: Any, target: Any, cores: Any, out: Any
) -> Any:
    """Fills core, chip, route and default as far as there is room; returns how much is needed."""
    n = len(beyond)
    route, arrival = np.zeros(n, np.int64), np.full(n, -2, np.int64)  # -2: not reached, -1: where it starts
    risen = np.full(n, -1, np.int64)  # place of a chip on the way from the source to the root of the tree
    way, reached = np.zeros(n, np.int64), np.zeros(n, np.int64)
    at = 0
    for c in range(len(source)):
        before = trees[which[c]]
        steps, chip = 0, source[c]
        while chip >= 0:
            way[steps], risen[chip] = chip, steps
            steps += 1
            chip = before[chip, 0]
        reached[0], count, top = source[c], 1, 0
        arrival[source[c]] = -1
        for t in range(start[c], start[c + 1]):
            chip = target[t]
            route[chip] |= cores[t]
            while risen[chip] < 0 and arrival[chip] == -2:
                link = before[chip, 1]
                arrival[chip] = (link + 3) % 6
                reached[count] = chip
                count += 1
                chip = before[chip, 0]
                route[chip] |= 1 << link
            while top < risen[chip]:  # the way up so far does not get there
                link = before[way[top], 1]
                route[way[top]] |= 1 << (link + 3) % 6
                top += 1
                arrival[way[top]] = link
                reached[count] = way[top]
                count += 1
        for i in range(count):
            chip = reached[i]
            if at < out.shape[1]:
                out[0, at], out[1, at], out[2, at] = c, chip, route[chip]
                out[3, at] = 0 if arrival[chip] < 0 else 1 << (arrival[chip] + 3) % 6
            at += 1
            route[chip], arrival[chip] = 0, -2
        for i in range(steps):
            risen[way[i]] = -1
    return at


def arrivals_of(space: KeySpace, branches: Branches, exact: bool) -> dict[int, Ints]:
    """Branches by chip, cores of neighbouring keys with the same lot in one group: int64 [4, k], rows as in `Arrivals`.

    Args:
        exact: whether groups hold only keys that arrive; else they may hold those of cores whose packets never come
            to the chip too, and there are fewer groups.
    """
    out = np.empty((5, len(branches.core)), np.int64)
    out = out[:, : _pool(*branches, space.sender.core_bits, exact, out)]
    shift = space.sender.core_shift
    groups = out[1:].copy()
    groups[0] = space.key | out[1] << shift
    groups[1] = 0xFFFFFFFF & ~((1 << out[2] + shift) - 1)
    edges = np.flatnonzero(np.diff(out[0], prepend=-1, append=-1)).tolist()
    return {int(out[0, lo]): groups[:, lo:hi] for lo, hi in itertools.pairwise(edges)}


@njit(cache=True, nogil=True)
def _pool(core: Any, chip: Any, route: Any, default: Any, bits: Any, exact: Any, out: Any) -> Any:
    """Fills chip, first core, bits of the cores, route and default of each group; returns how many there are."""
    stack = np.zeros((2 * bits + 4, 4), np.int64)
    at, lo = 0, 0
    while lo < len(core):
        hi = lo
        while hi < len(core) and chip[hi] == chip[lo]:
            hi += 1
        deep = 1
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, bits, lo, hi
        while deep > 0:
            deep -= 1
            first, width, a, b = stack[deep, 0], stack[deep, 1], stack[deep, 2], stack[deep, 3]
            alike = True
            for i in range(a + 1, b):
                if route[i] != route[a] or default[i] != default[a]:
                    alike = False
                    break
            if b - a == 1 and exact:
                first, width = core[a], 0
            elif not alike or (exact and b - a < 1 << width):
                half = width - 1
                middle = a
                while middle < b and core[middle] < first + (1 << half):
                    middle += 1
                if middle < b:
                    stack[deep, 0], stack[deep, 1] = first + (1 << half), half
                    stack[deep, 2], stack[deep, 3] = middle, b
                    deep += 1
                if middle > a:
                    stack[deep, 0], stack[deep, 1], stack[deep, 2], stack[deep, 3] = first, half, a, middle
                    deep += 1
                continue
            out[0, at], out[1, at], out[2, at] = chip[a], first, width
            out[3, at], out[4, at] = route[a], default[a]
            at += 1
        lo = hi
    return at
