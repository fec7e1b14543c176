"""Multicast trees that make short tables: from shortest paths, changed while the tables of the machine get shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.hardware.spinnaker.routing.chip_graph import ChipGraph, spanning_tree
from neurosim.hardware.spinnaker.routing.covering import quick_length
from neurosim.hardware.spinnaker.routing.multicast import Branches, Demand, arrivals_of, branches_of

__all__ = ["EFFORT", "find_branches"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
EFFORT = 150_000_000
"""Comparisons spent on trees, about half a second."""

_TRIES, _TRIES_PER_CORE = 2000, 10
"""Tries at most."""

_DARING = 4.0
"""Loss in entries that a try may bring at first; less and less is allowed."""

_LENGTH = 64
"""Length of a link; random paths take links for up to a quarter longer."""

_QUICK = 100_000
"""Comparisons spent at most on the length of one table."""

_OVERHEAD = 10_000
"""Comparisons that take as long as the rest of the work for a short table."""

_CROWDED, _VISIT = 0.1, 0.05
"""Weight of the square of a table's length and of a router that a packet passes, in entries."""


def find_branches(graph: ChipGraph, demands: Sequence[Demand], effort: int = EFFORT) -> list[Branches]:
    """Multicast trees of populations.

    A try gives some cores another spanning tree: those of a population, of a population on some chips, or all cores on
    some chips. What counts is the length of all tables, of long ones more, and a little the routers that packets pass.
    At first a try may make that worse, later less and less (simulated annealing with a threshold: Dueck, Scheuer,
    "Threshold accepting", J. Comput. Phys. 90, 1990); the best trees seen are returned.

    Args:
        effort: comparisons of a group with a group, and other work counted as such, after which the search ends.
    """
    search = _Search(graph, demands)
    wide = [p for p, d in enumerate(demands) if len(np.union1d(d.source, d.chip)) > 1]
    tries = min(_TRIES, _TRIES_PER_CORE * sum(len(d.source) for d in demands)) if wide else 0
    draws = random.bits(random.key(0, "shuffle", "multicast trees"), np.arange(16 * tries)) >> np.uint64(1)
    best, gain, most = list(search.states), 0.0, 0.0
    for i, draw in enumerate(draws.astype(np.int64).reshape(tries, 16)):
        if search.spent >= effort:
            break
        done = max(i / tries, search.spent / effort)
        tree, moved = search.propose(wide[i % len(wide)], draw)
        gain += search.attempt(tree, moved, _DARING * (1 - done) ** 2)
        if gain > most:
            best, most = list(search.states), gain
    return [s.branches for s in best]


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
        self.spent = 0
        self.states = []
        for p, d in enumerate(demands):
            tree = spanning_tree(graph.beyond, int(d.source[0]), np.arange(6), self.even)
            self.states.append(self._state(p, [tree], np.zeros(len(d.source), np.int64)))
        self.senders: dict[int, list[int]] = {}
        for p, d in enumerate(demands):
            for chip in np.unique(d.source).tolist():
                self.senders.setdefault(chip, []).append(p)
        self.on_chip: dict[int, dict[int, Ints]] = {}
        for p, state in enumerate(self.states):
            for chip, arrivals in state.arrivals.items():
                self.on_chip.setdefault(chip, {})[p] = arrivals
        self.length = {chip: self._length(chip, {}) for chip in self.on_chip}

    def _state(self, p: int, trees: list[Ints], which: Ints) -> _State:
        used, which = np.unique(which, return_inverse=True)
        trees = [trees[k] for k in used]
        branches = branches_of(self.graph, self.demands[p], trees, which)
        arrivals = arrivals_of(self.demands[p].space, branches, exact=False)
        self.spent += _OVERHEAD * len(arrivals)
        return _State(trees=trees, which=which, branches=branches, arrivals=arrivals)

    def _length(self, chip: int, instead: dict[int, Ints | None]) -> int:
        """Length of the table of a chip, some populations replaced."""
        parts = [a for a in {**self.on_chip.get(chip, {}), **instead}.values() if a is not None]
        if not parts:
            return 0
        length, spent = quick_length(np.concatenate(parts, axis=1), _QUICK)
        self.spent += spent + _OVERHEAD
        return int(length)

    def propose(self, p: int, draw: Ints) -> tuple[Ints, dict[int, Bools]]:
        """A spanning tree, and the cores by population that are to use it."""
        demand = self.demands[p]
        tree = self._another_tree(np.union1d(demand.source, demand.chip), draw)
        homes = np.unique(demand.source)
        kind = draw[3] % 6
        if kind < 2 or (kind < 5 and len(homes) == 1):
            return tree, {p: np.ones(len(demand.source), np.bool_)}
        most = max(1, len(homes) // 2)
        some = np.sort(homes[np.argsort(random.bits(int(draw[4]), homes))[: 1 + draw[5] % most]])
        who = [p] if kind < 5 else sorted({q for chip in some.tolist() for q in self.senders[chip]})
        return tree, {q: np.isin(self.demands[q].source, some) for q in who}

    def _another_tree(self, ends: Ints, draw: Ints) -> Ints:
        """The tree of another population that meets this one, or shortest paths from one of the ends, or nearly so."""
        end = int(ends[draw[2] % len(ends)])
        others = list(self.on_chip.get(end, ()))
        if draw[0] % 3 == 0 and len(others) > 1:
            trees = self.states[others[draw[1] % len(others)]].trees
            return trees[draw[6] % len(trees)]
        beyond, length = self.graph.beyond, self.even
        if draw[0] % 3 == 1:
            lots = random.bits(int(draw[1]), np.arange(length.size)) >> np.uint64(60)
            length = length + lots.astype(np.int64).reshape(length.shape)
            back = length[beyond, (np.arange(6) + 3) % 6]
            length = np.where(beyond >= 0, np.minimum(length, back), length)
        tree: Ints = spanning_tree(beyond, end, np.argsort(draw[8:14]), length)
        return tree

    def attempt(self, tree: Ints, moved: dict[int, Bools], daring: float) -> float:
        """Give cores another tree unless that loses as much as ``daring`` or changes nothing; the gain, in entries."""
        new = {}
        for p, cores in moved.items():
            old = self.states[p]
            new[p] = self._state(p, [*old.trees, tree], np.where(cores, len(old.trees), old.which))
        changed: dict[int, dict[int, Ints | None]] = {}
        gain = 0.0
        for p, state in new.items():
            before, after = self.states[p].arrivals, state.arrivals
            gain += _VISIT * (len(self.states[p].branches.core) - len(state.branches.core))
            for chip in {**before, **after}:
                if not _equal(before.get(chip), after.get(chip)):
                    changed.setdefault(chip, {})[p] = after.get(chip)
        if not changed:
            return 0.0
        lengths = {chip: self._length(chip, instead) for chip, instead in changed.items()}
        for chip, n in lengths.items():
            was = self.length.get(chip, 0)
            gain += was - n + _CROWDED * (was * was - n * n)
        if gain <= -daring:
            return 0.0
        for p, state in new.items():
            self.states[p] = state
        self.length.update(lengths)
        for chip, instead in changed.items():
            here = {**self.on_chip.get(chip, {}), **instead}
            self.on_chip[chip] = {p: a for p, a in here.items() if a is not None}
        return gain


def _equal(a: Ints | None, b: Ints | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)
