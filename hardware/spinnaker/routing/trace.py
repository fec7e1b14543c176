"""Packets followed hop by hop through routing tables, as the routers of the machine treat them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.machine import Chip, Machine, Place, opposite
from neurosim.hardware.spinnaker.routing.chip_graph import graph_of
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.hardware.spinnaker.routing.equivalence import Table, decide

__all__ = ["Packets", "Route", "trace", "trace_all"]

Ints = NDArray[np.int64]
_WORD, _ROUTE = 0xFFFFFFFF, 0xFFFFFF
_MOST_COPIES = 1000
_LOCAL = 6
"""Arrival "link" of packets sent on the chip itself."""


class Packets(NamedTuple):
    """Packets with the keys ``key`` to ``key + 2**width - 1``, sent by a core of ``chip``."""

    chip: Chip
    key: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where packets with ``packet & mask == key`` go; ``mask`` has all bits set but the free ones of the sender.

    Attributes:
        cores: (x, y, processor) that receive them, sorted; twice if two copies arrive.
        links: (chip, link) crossed, nearest first; twice if two copies cross it.
        chips: chips whose routers they pass, that of the sender included, nearest first.
        drops: chips where a copy ends without a core: no entry matches where it is sent, or the route is 0.
    """

    key: int
    mask: int
    cores: tuple[Place, ...]
    links: tuple[tuple[Chip, int], ...]
    chips: tuple[Chip, ...]
    drops: tuple[Chip, ...]


def trace(
    machine: Machine, tables: Mapping[Chip, Sequence[Entry]], chip: Chip, key: int, width: int
) -> list[Route]:
    """Routes of the packets ``key`` to ``key + 2**width - 1`` sent on a chip; see `trace_all`."""
    return trace_all(machine, tables, [Packets(chip, key, width)])[0]


def trace_all(
    machine: Machine, tables: Mapping[Chip, Sequence[Entry]], packets: Iterable[Packets]
) -> list[list[Route]]:
    """Follow packets of many senders at once.

    The first entry that matches decides; without one a packet leaves by the link opposite to the one it came in by.

    Returns:
        For each sender its routes: one if all its packets go the same way, else one for every part of its keys that
        does, in order of key.

    Raises:
        FileFormatError: packets run in circles or leave the machine.
    """
    fabric = _Fabric(machine, tables)
    senders = list(packets)
    found: list[list[Route]] = [[] for _ in senders]
    owner = np.arange(len(senders))
    chip = np.array([fabric.number(p.chip) for p in senders], np.int64)
    free = np.array([(1 << p.width) - 1 for p in senders], np.int64)
    key = np.array([p.key for p in senders], np.int64) & ~free
    while len(owner):
        routes, split = _follow(fabric, chip, key, free)
        for k in np.flatnonzero(split == 0).tolist():
            found[owner[k]].append(routes[k])
        # An entry tells apart packets of these: follow both halves from the start.
        again = np.flatnonzero(split)
        bit = split[again]
        owner, chip = np.repeat(owner[again], 2), np.repeat(chip[again], 2)
        free = np.repeat(free[again] & ~bit, 2)
        key = np.stack([key[again], key[again] | bit], 1).reshape(-1)
    return [sorted(routes, key=lambda r: r.key) for routes in found]


class _Fabric:
    """Links and tables in arrays."""

    def __init__(self, machine: Machine, tables: Mapping[Chip, Sequence[Entry]]) -> None:
        graph = graph_of(machine)
        self.chips, self.beyond, self._number = graph.chips, graph.beyond, graph.number
        self._tables: dict[int, Table] = {
            self.number(chip): np.array([(e.key, e.mask, e.route) for e in table], np.int64).reshape(-1, 3).T
            for chip, table in tables.items()
        }

    def number(self, chip: Chip) -> int:
        """Number of a chip in ``chips``."""
        if chip not in self._number:
            raise FileFormatError("is not a chip of the machine", where=f"chip {chip}")
        return self._number[chip]

    def match(self, chip: Ints, key: Ints, free: Ints) -> tuple[Ints, Ints]:
        """Route word of the first entry that matches any packet of each group, -1 without one; and a bit that the
        entry tests although it is free, 0 if the entry matches the whole group. ``chip`` must be sorted."""
        route, split = np.full(len(chip), -1, np.int64), np.zeros(len(chip), np.int64)
        edges = np.flatnonzero(np.diff(chip, prepend=-1, append=-1)).tolist()
        for lo, hi in itertools.pairwise(edges):
            table = self._tables.get(int(chip[lo]))
            if table is not None and table.size:
                entry, split[lo:hi] = decide(table, key[lo:hi], ~free[lo:hi])
                route[lo:hi] = np.where(entry < 0, -1, table[2][entry])
        return route, split


def _follow(fabric: _Fabric, source: Ints, key: Ints, free: Ints) -> tuple[dict[int, Route], Ints]:
    """Routes of groups of packets by number, and for those left out a bit of the key to split them by (else 0)."""
    split = np.zeros(len(source), np.int64)
    back = np.array([1 << opposite(link) for link in range(6)] + [0])
    group, chip = np.arange(len(source)), source
    arrival, copies = np.full(len(source), _LOCAL), np.ones(len(source), np.int64)
    visits: list[tuple[Ints, Ints, Ints, Ints]] = []
    while len(group):
        # More hops than there are ways to arrive somewhere, or copies without end.
        if len(visits) > 7 * len(fabric.chips) or copies.max() > _MOST_COPIES:
            raise FileFormatError(
                "a packet runs in circles",
                where=f"routing tables, key {key[group[0]]:#x}",
                value=f"chip {fabric.chips[chip[0]]}",
            )
        order = np.argsort(chip, kind="stable")
        group, chip, arrival, copies = group[order], chip[order], arrival[order], copies[order]
        route, tested = fabric.match(chip, key[group], free[group])
        apart = np.flatnonzero(tested)
        split[group[apart]] = tested[apart]
        unmatched = route < 0
        route = np.where(unmatched, back[arrival], route) & _ROUTE
        visits.append((group, chip, route, copies))
        at, link = np.nonzero((route[:, None] >> np.arange(6) & 1) * (split[group] == 0)[:, None])
        beyond = fabric.beyond[chip[at], link]
        if np.any(beyond < 0):
            k = int(np.argmin(beyond))
            raise FileFormatError(
                "a packet leaves the machine",
                where=f"chip {fabric.chips[chip[at[k]]]}, link {link[k]}",
                value=f"key {key[group[at[k]]]:#x}",
            )
        group, chip, arrival, copies = _merge(group[at], beyond, (link + 3) % 6, copies[at])
    return _routes(fabric.chips, key, free, np.flatnonzero(split == 0), visits), split


def _merge(group: Ints, chip: Ints, arrival: Ints, copies: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Copies of a packet that come to a chip by the same link in the same hop, counted once with their number."""
    code = (group << 32) + chip * 7 + arrival
    unique, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    if len(unique) == len(code):
        return group, chip, arrival, copies
    total = np.bincount(inverse, copies).astype(np.int64)
    return group[first], chip[first], arrival[first], total


def _routes(
    chips: Sequence[Chip], key: Ints, free: Ints, whole: Ints, visits: list[tuple[Ints, Ints, Ints, Ints]]
) -> dict[int, Route]:
    """Routes of the groups ``whole`` from their visits: group, chip, route word and copies, hop by hop."""
    group, chip, route, copies = (np.concatenate([v[i] for v in visits]) for i in range(4))
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.stack([whole, whole + 1]))
    chip, route, copies = chip[order], route[order], copies[order]
    routes = {}
    for k, lo, hi in zip(whole.tolist(), *edges.tolist(), strict=True):
        steps = list(zip(chip[lo:hi].tolist(), route[lo:hi].tolist(), copies[lo:hi].tolist(), strict=True))
        cores = [(*chips[c], p) for c, r, n in steps if r >> 6 for p in _bits(r >> 6) for _ in range(n)]
        routes[k] = Route(
            key=int(key[k]),
            mask=_WORD & ~int(free[k]),
            cores=tuple(sorted(cores)),
            links=tuple((chips[c], link) for c, r, n in steps for link in _bits(r & 63) for _ in range(n)),
            chips=tuple(chips[c] for c in dict.fromkeys(chip[lo:hi].tolist())),
            drops=tuple(sorted(chips[c] for c, r, n in steps if r == 0 for _ in range(n))),
        )
    return routes


@cache
def _bits(word: int) -> tuple[int, ...]:
    """Numbers of the bits that are set."""
    return tuple(i for i in range(word.bit_length()) if word >> i & 1)
