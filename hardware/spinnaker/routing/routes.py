"""The routing tables of all chips, from who sends to whom.

Entries that only say what a router does without them (see `entry`) are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.machine import Chip, Machine, Place
from neurosim.hardware.spinnaker.routing.chip_graph import ChipGraph, graph_of
from neurosim.hardware.spinnaker.routing.compression import EFFORT as TABLE_EFFORT, compress
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.hardware.spinnaker.routing.equivalence import Arrivals, Table, misrouted
from neurosim.hardware.spinnaker.routing.keys import KeySpace
from neurosim.hardware.spinnaker.routing.multicast import Demand, arrivals_of
from neurosim.hardware.spinnaker.routing.tree_search import EFFORT, find_branches

__all__ = ["RoutingTables", "route"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class RoutingTables:
    """Tables by chip, and how many entries each chip would have needed without compression."""

    tables: dict[Chip, list[Entry]]
    uncompressed: dict[Chip, int]


def route(
    machine: Machine,
    keys: Mapping[str, KeySpace],
    sources: Mapping[str, Sequence[Place]],
    targets: Mapping[str, Sequence[Iterable[Place]]],
    limit: int,
    effort: int = EFFORT,
) -> RoutingTables:
    """Routing tables of all chips, each proven to do the right thing with every packet that comes to it.

    Args:
        sources: population -> place of each of its cores.
        targets: population -> for each of its cores, the cores that receive its packets. Packets of a core without
            targets are dropped where they are sent.
        limit: entries a table may have.
        effort: comparisons spent on trees that make short tables; the tables are right whatever the effort.

    Raises:
        CapacityError: a table is too long even after compression.
    """
    graph = graph_of(machine)
    names = list(keys)
    demands = [_demand(graph, keys[name], sources[name], targets[name]) for name in names]
    found = find_branches(graph, demands, effort)
    loose: dict[int, dict[str, Ints]] = {}
    exact: dict[int, list[Ints]] = {}
    for name, demand, branches in zip(names, demands, found, strict=True):
        for chip, arrivals in arrivals_of(demand.space, branches, exact=False).items():
            loose.setdefault(chip, {})[name] = arrivals
        for chip, arrivals in arrivals_of(demand.space, branches, exact=True).items():
            exact.setdefault(chip, []).append(arrivals)
    tables: dict[Chip, list[Entry]] = {}
    uncompressed: dict[Chip, int] = {}
    for chip, parts in loose.items():
        proof = Arrivals(*np.concatenate(exact[chip], axis=1))
        few = len(proof.key) <= _FEW
        groups = proof if few else Arrivals(*np.concatenate(list(parts.values()), axis=1))
        table = compress(groups, min(TABLE_EFFORT, _ALL_TABLES // len(loose)))
        if table.shape[1] > limit:
            table = compress(groups, _ALL_TABLES)
        at = graph.chips[chip]
        wrong = misrouted(table, proof)
        if wrong is not None:  # cannot happen; were it to, spikes would get lost without a trace
            raise RuntimeError(f"the routing table of chip {at} is wrong about key {wrong:#x}")
        if table.shape[1] > limit:
            raise _too_long(at, table, parts, limit)
        uncompressed[at] = sum(map(_entries, parts.values()))
        if table.shape[1]:
            tables[at] = [Entry(*column) for column in table.T.tolist()]
    return RoutingTables(tables=dict(sorted(tables.items())), uncompressed=dict(sorted(uncompressed.items())))


_FEW = 300
"""Groups of a chip up to which only keys that really arrive are compressed; beyond, whole ranges of cores are."""

_ALL_TABLES = 300_000_000
"""Comparisons spent on the tables of all chips together, about half a second."""


def _demand(
    graph: ChipGraph, space: KeySpace, sources: Sequence[Place], targets: Sequence[Iterable[Place]]
) -> Demand:
    start, chips, words = [0], [], []
    for places in targets:
        on: dict[Chip, int] = {}
        for x, y, p in places:
            on[x, y] = on.get((x, y), 0) | 1 << 6 + p
        chips += [graph.number[chip] for chip in sorted(on)]
        words += [on[chip] for chip in sorted(on)]
        start.append(len(chips))
    return Demand(
        space=space,
        source=np.array([graph.number[x, y] for x, y, _ in sources], np.int64),
        start=np.array(start, np.int64),
        chip=np.array(chips, np.int64),
        word=np.array(words, np.int64),
    )


def _entries(groups: Ints) -> int:
    """Groups that need an entry, each its own."""
    return int(np.count_nonzero(groups[2] != groups[3]))


def _too_long(chip: Chip, table: Table, parts: Mapping[str, Ints], limit: int) -> CapacityError:
    """Names the populations that take most entries, and by how much their cores must become fewer."""
    taken = {name: _entries(a) for name, a in parts.items()}
    most = sorted(taken, key=lambda name: -taken[name])[:3]
    factor = -(-table.shape[1] // limit)
    listed = ", ".join(f"{name!r} ({taken[name]})" for name in most)
    return CapacityError(
        "the routing table of a chip is too long",
        where=f"chip {chip}",
        value=f"{table.shape[1]} entries after compression, most before it for {listed}",
        limit=f"{limit} entries",
        remedy=f"Give these populations {factor} times as many atoms per core, so that they send from fewer cores, or "
        "let them reach fewer cores",
    )
