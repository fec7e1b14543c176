"""Short routing tables: few entries that do the right thing with every packet that can arrive.

Like ordered covering (Mundy, Heathcote, Garside, "On-chip order-exploiting routing table minimization for a multicast
supercomputer network", HPSR 2016) it lets entries overlap and has the order of the table decide. Unlike there, keys
that never come to the chip may be matched by any entry, packets that need no entry are known by the link they arrive
by, and the order is searched for instead of following generality.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.hardware.spinnaker.routing.covering import lengths_on_top, order_classes
from neurosim.hardware.spinnaker.routing.equivalence import Arrivals, Table
from neurosim.hardware.spinnaker.routing.merging import shorten

__all__ = ["EFFORT", "compress"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
EFFORT = 3_000_000
"""Comparisons of a group with a group spent on a table, about 5 ms."""

_ROUNDS = 20
"""Times the search starts again from something at random."""


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
    best = problem.solve(problem.required, effort)
    for route in [None, *problem.optional_routes]:
        if best.left <= 0 or best.length <= problem.bound:
            break
        some = problem.optional if route is None else problem.optional & (arrivals.route == route)
        if some.any():
            best = best.better(problem.solve(best.need ^ some, best.left))
    draws = random.bits(random.key(0, "shuffle", "routing table"), np.arange(12 * _ROUNDS)) >> np.uint64(1)
    for draw in draws.astype(np.int64).reshape(_ROUNDS, 12).tolist():
        if best.left <= 0 or best.length <= problem.bound:
            break
        best = best.better(problem.vary(best, draw))
    return problem.table(best, effort)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Solution:
    """``entries`` int64 [2, length], class of each ``of``; how it was found; comparisons ``left``."""

    entries: Ints
    of: Ints
    need: Bools
    order: Ints
    left: int

    @property
    def length(self) -> int:
        return len(self.of)

    def better(self, other: _Solution) -> _Solution:
        """The shorter of two, the later one if equal, with what is left after both."""
        if other.length <= self.length:
            return other
        return replace(self, left=other.left)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Problem:
    """Arrivals by class, a class for each route.

    ``required``: groups that need an entry. ``optional``: those that the router treats rightly without, but that an
    entry of their class may match; an entry that drops packets would help nobody.
    """

    arrivals: Arrivals
    routes: Ints
    cls: Ints
    required: Bools

    @classmethod
    def of(cls, arrivals: Arrivals) -> _Problem:
        arrivals = Arrivals(*map(np.ascontiguousarray, arrivals))
        routes, number = np.unique(arrivals.route, return_inverse=True)
        required = arrivals.route != arrivals.default
        return cls(arrivals=arrivals, routes=routes, cls=number.astype(np.int64), required=required)

    @property
    def bound(self) -> int:
        """No table is shorter: a class with a group that needs an entry has one."""
        return len(np.unique(self.cls[self.required]))

    @property
    def optional(self) -> Bools:
        return ~self.required & (self.arrivals.route != 0)

    @property
    def optional_routes(self) -> list[int]:
        return np.unique(self.arrivals.route[self.optional]).tolist()

    def solve(self, need: Bools, effort: int) -> _Solution:
        """The best table found from two good orders of the classes: few members first, few entries first."""
        members = np.bincount(self.cls[need], minlength=len(self.routes))
        few = self.search(need, np.argsort(members, kind="stable"), 0, effort)
        on_top = lengths_on_top(*self.arrivals[:2], self.cls, need, len(self.routes))
        return few.better(self.search(need, np.lexsort([members, on_top]), 0, few.left))

    def vary(self, best: _Solution, draw: list[int]) -> _Solution:
        """Search again with some classes moved, other covers, or other groups taken in."""
        need, order, style = best.need.copy(), best.order.tolist(), 0
        optional = np.flatnonzero(self.optional)
        if len(optional) and draw[0] % 3 == 0:
            some = optional[draw[1] % len(optional)]
            need[some] = ~need[some]
        if draw[0] // 3 % 2 == 0:
            style = 1 + draw[2] % (1 << 16)
        if style == 0 or draw[0] // 6 % 2 == 0:
            for k in range(1 + draw[3] % 3):
                order.insert(draw[2 * k + 4] % len(order), order.pop(draw[2 * k + 5] % len(order)))
        return self.search(need, np.array(order, np.int64), style, best.left)

    def search(self, need: Bools, order: Ints, style: int, effort: int) -> _Solution:
        """The best table found from an order of the classes."""
        order, left = order.copy(), np.array([effort], np.int64)
        entries = np.zeros((2, len(self.cls)), np.int64)
        first = np.cumsum(np.bincount(self.cls, minlength=len(self.routes)))
        first = np.concatenate([[0], first[:-1]])
        count = order_classes(*self.arrivals[:2], self.cls, need, style, order, first, *entries, left)
        columns = np.concatenate([np.arange(first[c], first[c] + count[c]) for c in order])
        return _Solution(
            entries=entries[:, columns],
            of=np.repeat(order, count[order]),
            need=need,
            order=order,
            left=int(left[0]),
        )

    def table(self, solution: _Solution, effort: int) -> Table:
        """The entries of a solution, merged further where that can be."""
        ek, em = (np.ascontiguousarray(row) for row in solution.entries)
        of, order = solution.of, np.arange(solution.length)
        if solution.length > self.bound:
            kept = shorten(*self.arrivals[:2], self.cls, ~self.required, ek, em, of, effort, order)
            order = order[:kept]
        return np.stack([ek[order], em[order], self.routes[of[order]]])
