"""Multicast trees that make short tables: from shortest paths, changed while the tables of the machine get shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.hardware.spinnaker.mapping.chip_graph import ChipGraph, spanning_tree
from neurosim.hardware.spinnaker.mapping.covering import quick_length
from neurosim.hardware.spinnaker.mapping.multicast import Branches, Demand, arrivals_of, branches_of

__all__ = ["EFFORT", "find_branches"]

Ints = NDArray[np.int64]
EFFORT = 150_000_000
"""Comparisons spent on trees, about half a second."""

_TRIES, _PATIENCE = 1000, 500
"""Tries at most, and in a row without success."""

_LENGTH = 64
"""Length of a link; random paths take links for up to a third longer."""

_QUICK = 100_000
"""Comparisons spent at most on the length of one table."""

_OVERHEAD = 10_000
"""Comparisons that take as long as the rest of the work for a short table."""

_CROWDED, _VISIT = 0.1, 0.05
"""Weight of the square of a table's length and of a router that a packet passes, in entries."""


def find_branches(graph: ChipGraph, demands: Sequence[Demand], effort: int = EFFORT) -> list[Branches]:
    """Multicast trees of populations.

    A try gives the cores of a population, or those on some of its chips, another spanning tree; it is kept if the
    tables get shorter, long ones more than short ones, unless packets pass many more routers for that.
    """
    search = _Search(graph, demands)
    draws = random.bits(random.key(0, "shuffle", "multicast trees"), np.arange(16 * _TRIES))
    idle = 0
    wide = [p for p, d in enumerate(demands) if len(np.union1d(d.source, d.chip)) > 1]
    patience = max(_PATIENCE, 8 * len(wide))
    for i, draw in enumerate((draws >> np.uint64(1)).astype(np.int64).reshape(_TRIES, 16)):
        if search.spent > effort or idle > patience or not wide:
            break
        idle = 0 if search.attempt(wide[i % len(wide)], draw) else idle + 1
    return [s.branches for s in search.states]


@dataclass(frozen=True, eq=False, kw_only=True)
class _State:
    """How a population is routed: spanning trees, the one of each core, and what comes of it."""

    trees: list[Ints]
    which: Ints
    branches: Branches
    arrivals: dict[int, Ints]


class _Search:
    def __init__(self, graph: ChipGraph, demands: Sequence[Demand]) -> None:
        self.graph, self.demands = graph, demands
        self.even = np.full(graph.beyond.shape, _LENGTH)
        self.states = [self._state(p, [self._tree(int(d.source[0]))], np.zeros(len(d.source), np.int64))
                       for p, d in enumerate(demands)]  # fmt: skip
        self.spent = 0
        self.on_chip: dict[int, dict[int, Ints]] = {}
        for p, state in enumerate(self.states):
            for chip, arrivals in state.arrivals.items():
                self.on_chip.setdefault(chip, {})[p] = arrivals
        self.length = {chip: self._length(chip, {}) for chip in self.on_chip}

    def _tree(self, root: int, order: Ints | None = None, length: Ints | None = None) -> Ints:
        order = np.arange(6) if order is None else order
        tree: Ints = spanning_tree(self.graph.beyond, root, order, self.even if length is None else length)
        return tree

    def _state(self, p: int, trees: list[Ints], which: Ints) -> _State:
        used, which = np.unique(which, return_inverse=True)
        trees = [trees[k] for k in used]
        branches = branches_of(self.graph, self.demands[p], trees, which)
        arrivals = arrivals_of(self.demands[p].space, branches, exact=False)
        return _State(trees=trees, which=which, branches=branches, arrivals=arrivals)

    def _length(self, chip: int, instead: dict[int, Ints | None]) -> int:
        """Length of the table of a chip, some populations replaced."""
        parts = [a for a in {**self.on_chip.get(chip, {}), **instead}.values() if a is not None]
        if not parts:
            return 0
        length, spent = quick_length(np.concatenate(parts, axis=1), _QUICK)
        self.spent += spent + _OVERHEAD
        return int(length)

    def attempt(self, p: int, draw: Ints) -> bool:
        """Try other trees for a population; whether they are kept."""
        demand, old = self.demands[p], self.states[p]
        ends = np.union1d(demand.source, demand.chip)
        length = None
        if draw[0] % 2:
            lots = random.bits(int(draw[1]), np.arange(self.even.size)).reshape(self.even.shape) >> np.uint64(
                59
            )
            length = self.even + lots.astype(np.int64) // 2
            back = self.graph.beyond, (np.arange(6)[None] + 3) % 6
            length = np.where(self.graph.beyond >= 0, np.minimum(length, length[back]), length)
        tree = self._tree(int(ends[draw[2] % len(ends)]), np.argsort(draw[8:14]), length)
        which = np.full(len(demand.source), len(old.trees), np.int64)
        homes = np.unique(demand.source)
        if draw[3] % 2 and len(homes) > 1:
            lots = random.bits(int(draw[4]), homes) >> np.uint64(1)
            some = homes[np.argsort(lots)[: 1 + draw[5] % max(1, len(homes) // 2)]]
            which = np.where(np.isin(demand.source, some), which, old.which)
        new = self._state(p, [*old.trees, tree], which)
        changed = [
            chip
            for chip in {**old.arrivals, **new.arrivals}
            if not _equal(old.arrivals.get(chip), new.arrivals.get(chip))
        ]
        lengths = {chip: self._length(chip, {p: new.arrivals.get(chip)}) for chip in changed}
        gain = _VISIT * (len(old.branches.core) - len(new.branches.core))
        for chip, n in lengths.items():
            was = self.length.get(chip, 0)
            gain += was - n + _CROWDED * (was * was - n * n)
        if gain <= 0:
            return False
        self.states[p] = new
        self.length.update(lengths)
        for chip in changed:
            self.on_chip.setdefault(chip, {}).pop(p, None)
            if chip in new.arrivals:
                self.on_chip[chip][p] = new.arrivals[chip]
        return True


def _equal(a: Ints | None, b: Ints | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)
