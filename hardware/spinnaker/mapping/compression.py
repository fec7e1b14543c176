"""Short routing tables: few entries that do the right thing with every packet that can arrive.

Like ordered covering (Mundy, Heathcote, Garside, "On-chip order-exploiting routing table minimization for a multicast
supercomputer network", HPSR 2016) it lets entries overlap and has the order of the table decide. Unlike there, keys
that never come to the chip may be matched by any entry, packets that need no entry are known by the link they arrive
by, and the order is searched for instead of following generality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.hardware.spinnaker.mapping.covering import lengths_on_top, order_classes, shorten
from neurosim.hardware.spinnaker.mapping.equivalence import Arrivals, Table

__all__ = ["EFFORT", "compress"]

Ints = NDArray[np.int64]
EFFORT = 3_000_000
"""Comparisons of a group with a group spent on a table, about 5 ms."""

_ROUNDS = 20
"""Times a few classes are moved at random before the search starts again."""


def compress(arrivals: Arrivals, effort: int = EFFORT) -> Table:
    """A short table that routes every packet of the groups as it should.

    Args:
        arrivals: groups that do not overlap.
        effort: comparisons of a group with a group after which nothing shorter is looked for; the table is right
            whatever the effort.
    """
    problem = _Problem.of(arrivals)
    if problem.bound == 0:
        return np.zeros((3, 0), np.int64)
    best = problem.solve(np.zeros(problem.classes, np.bool_), None, effort)
    for c in problem.optional:
        if best.left > 0 and best.length > problem.bound:
            joined = best.joined.copy()
            joined[c] = True
            best = best.better(problem.solve(joined, None, best.left))
    draws = random.bits(random.key(0, "shuffle", "routing table"), np.arange(8 * _ROUNDS)).astype(np.int64)
    for draw in (draws >> 1).reshape(_ROUNDS, 8).tolist():
        if best.left <= 0 or best.length <= problem.bound:
            break
        joined, order = best.joined.copy(), best.order.tolist()
        if problem.optional and draw[0] % 3 == 0:
            c = problem.optional[draw[1] % len(problem.optional)]
            joined[c] = not joined[c]
        for k in range(1 + draw[0] // 3 % 3):
            order.insert(draw[2 * k + 3] % len(order), order.pop(draw[2 * k + 2] % len(order)))
        best = best.better(problem.solve(joined, np.array(order, np.int64), best.left))
    return problem.table(best, effort)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Solution:
    """``entries`` int64 [2, length], class of each ``of``; how it was found; comparisons ``left``."""

    entries: Ints
    of: Ints
    joined: NDArray[np.bool_]
    order: Ints
    left: int

    @property
    def length(self) -> int:
        return len(self.of)

    def better(self, other: _Solution) -> _Solution:
        """The shorter of two, the later one if equal, with what is left after both."""
        if other.length <= self.length:
            return other
        return _Solution(
            entries=self.entries, of=self.of, joined=self.joined, order=self.order, left=other.left
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Problem:
    """Arrivals by class, a class for each route."""

    arrivals: Arrivals
    routes: Ints
    cls: Ints
    alone: NDArray[np.bool_]

    @classmethod
    def of(cls, arrivals: Arrivals) -> _Problem:
        arrivals = Arrivals(*map(np.ascontiguousarray, arrivals))
        routes, number = np.unique(arrivals.route, return_inverse=True)
        alone = arrivals.route == arrivals.default
        return cls(arrivals=arrivals, routes=routes, cls=number.astype(np.int64), alone=alone)

    @property
    def classes(self) -> int:
        return len(self.routes)

    @property
    def bound(self) -> int:
        """No table is shorter: a class with a group that needs an entry has one."""
        return len(np.unique(self.cls[~self.alone]))

    @property
    def optional(self) -> list[int]:
        """Classes with groups that need no entry but may have one; an entry that drops packets helps nobody."""
        return [c for c in np.unique(self.cls[self.alone]).tolist() if self.routes[c]]

    def members(self, joined: NDArray[np.bool_]) -> Ints:
        """Groups of each class that are to be matched."""
        return np.bincount(self.cls[~self.alone | joined[self.cls]], minlength=self.classes)

    def solve(self, joined: NDArray[np.bool_], order: Ints | None, effort: int) -> _Solution:
        """The best table found from an order of the classes, or from two good ones."""
        key, mask = self.arrivals.key, self.arrivals.mask
        if order is None:
            members = self.members(joined)
            on_top = lengths_on_top(key, mask, self.cls, self.alone, joined)
            few = self.solve(joined, np.argsort(members, kind="stable"), effort)
            return few.better(self.solve(joined, np.lexsort([members, on_top]), few.left))
        order, left = order.copy(), np.array([effort], np.int64)
        entries = np.zeros((2, len(key)), np.int64)
        first = np.cumsum(np.bincount(self.cls, minlength=self.classes))
        first = np.concatenate([[0], first[:-1]])
        count = order_classes(
            key, mask, self.cls, self.alone, joined, order, first, entries[0], entries[1], left
        )
        columns = np.concatenate([np.arange(first[c], first[c] + count[c]) for c in order])
        return _Solution(
            entries=entries[:, columns],
            of=np.repeat(order, count[order]),
            joined=joined,
            order=order,
            left=int(left[0]),
        )

    def table(self, solution: _Solution, effort: int) -> Table:
        """The entries of a solution, merged further where that can be."""
        ek, em = (np.ascontiguousarray(row) for row in solution.entries)
        of, order = solution.of, np.arange(solution.length)
        if solution.length > self.bound:
            key, mask = self.arrivals.key, self.arrivals.mask
            kept = shorten(key, mask, self.cls, self.alone, ek, em, of, effort, order)
            order = order[:kept]
        return np.stack([ek[order], em[order], self.routes[of[order]]])
