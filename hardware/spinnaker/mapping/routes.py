"""Multicast routes and routing tables.

A table entry is (key, mask, route); the first entry with ``packet & mask == key`` decides. A route is a word with a
bit for each link (0 to 5) and for each processor (6 + p). A packet that no entry matches leaves by the link opposite to
the one it came in by; entries that only say so are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neurosim.errors import CapacityError, FileFormatError
from neurosim.hardware.spinnaker.machine import Chip, Machine, opposite
from neurosim.hardware.spinnaker.mapping.keys import KeySpace

__all__ = ["Entry", "build_tables", "destinations", "tree_of"]

Place = tuple[int, int, int]
"""(x, y, processor)"""


@dataclass(frozen=True)
class Entry:
    """A routing-table entry. ``default``: a packet would take the same way without it."""

    key: int
    mask: int
    route: int
    default: bool = False

    def matches(self, key: int) -> bool:
        """Whether the entry decides about this key (if no earlier one does)."""
        return key & self.mask == self.key


def tree_of(
    before: Mapping[Chip, tuple[Chip, int]], source: Chip, targets: Iterable[Place]
) -> dict[Chip, tuple[int, int | None]]:
    """The multicast tree from a chip to cores: chip -> (route word, link packets arrive by or None).

    Args:
        before: shortest paths from one chip of the population, as `Machine.tree` gives them. The packets of all its
            cores stay on this one tree, so that they share routes wherever they meet.
    """
    tree: dict[Chip, tuple[int, int | None]] = {source: (0, None)}
    up = [source]
    while up[-1] in before:
        up.append(before[up[-1]][0])
    for x, y, p in targets:
        down = [(x, y)]
        while down[-1] not in up:
            down.append(before[down[-1]][0])
        path = [*up[: up.index(down[-1])], *reversed(down)]
        for chip, following in itertools.pairwise(path):
            rises = chip in before and before[chip][0] == following
            link = opposite(before[chip][1]) if rises else before[following][1]
            route, arrival = tree[chip]
            tree[chip] = (route | 1 << link, arrival)
            tree.setdefault(following, (0, opposite(link)))
        route, arrival = tree[path[-1]]
        tree[path[-1]] = (route | 1 << (6 + p), arrival)
    return tree


def build_tables(
    machine: Machine,
    keys: Mapping[str, KeySpace],
    sources: Mapping[str, Sequence[Place]],
    targets: Mapping[str, Sequence[Iterable[Place]]],
    limit: int,
) -> dict[Chip, list[Entry]]:
    """Routing tables of all chips.

    Args:
        sources: population -> place of each of its cores.
        targets: population -> for each of its cores, the cores that receive its packets.
        limit: entries a table may have.

    Raises:
        CapacityError: a table is too long even after merging.
    """
    tables: dict[Chip, list[Entry]] = {}
    for name, space in keys.items():
        routes: dict[Chip, dict[int, tuple[int, int | None]]] = {}
        before = machine.tree(sources[name][0][:2])
        for core, (place, to) in enumerate(zip(sources[name], targets[name], strict=True)):
            for chip, step in tree_of(before, place[:2], to).items():
                routes.setdefault(chip, {})[core] = step
        for chip, by_core in routes.items():
            entries = _entries(space, by_core)
            tables.setdefault(chip, []).extend(e for e in entries if not e.default)
    for chip, table in tables.items():
        if len(table) > limit:
            raise CapacityError(
                "the routing table of a chip is too long",
                where=f"chip {chip}",
                value=f"{len(table)} entries",
                limit=f"{limit} entries",
                remedy="Use fewer populations, or fewer cores (a larger atoms_per_core)",
            )
    return {
        chip: sorted(table, key=lambda e: (e.key, e.mask)) for chip, table in sorted(tables.items()) if table
    }


def _entries(space: KeySpace, by_core: Mapping[int, tuple[int, int | None]]) -> list[Entry]:
    """Entries of one population on one chip: a prefix tree over its cores, split only where routes differ.

    Cores whose packets never come here do not matter, so an entry may cover them.
    """
    entries = []
    blocks = [(0, space.sender.core_bits)]
    while blocks:
        first, bits = blocks.pop()
        steps = {by_core[c] for c in range(first, first + (1 << bits)) if c in by_core}
        if len(steps) > 1:
            half = bits - 1
            blocks += [(first, half), (first + (1 << half), half)]
        elif steps:
            route, arrival = steps.pop()
            whole = bits == space.sender.core_bits
            mask = space.mask if whole else space.core_mask & ~((1 << bits + space.sender.core_shift) - 1)
            entries.append(Entry(space.core_key(first), mask, route, _default(route, arrival)))
    return entries


def _default(route: int, arrival: int | None) -> bool:
    return arrival is not None and route == 1 << opposite(arrival)


def destinations(
    machine: Machine, tables: Mapping[Chip, Sequence[Entry]], source: Chip, key: int, width: int
) -> set[Place]:
    """Cores that receive the packets ``key`` to ``key + 2**width - 1`` sent on a chip, following the tables hop by hop.

    Raises:
        FileFormatError: a packet is dropped, leaves the board or runs in circles, or an entry tells apart packets
            of one core.
    """
    low = (1 << width) - 1
    found: set[Place] = set()
    queue: list[tuple[Chip, int | None]] = [(source, None)]
    hops = 0
    while queue:
        chip, arrival = queue.pop()
        hops += 1
        if hops > 64 * len(machine.cores):
            raise FileFormatError(
                "a packet runs in circles", where=f"routing tables, key {key:#x}", value=f"chip {chip}"
            )
        route = None
        for entry in tables.get(chip, ()):
            if (key ^ entry.key) & entry.mask & ~low == 0:
                if entry.mask & low:
                    raise FileFormatError(
                        "an entry tells apart neurons of one core",
                        where=f"chip {chip}",
                        value=f"{entry.mask:#x}",
                    )
                route = entry.route
                break
        if route is None:
            if arrival is None:
                raise FileFormatError(
                    "a packet is dropped where it is sent", where=f"chip {chip}", value=f"key {key:#x}"
                )
            route = 1 << opposite(arrival)
        found.update((chip[0], chip[1], p) for p in range(18) if route >> (6 + p) & 1)
        for link in range(6):
            if route >> link & 1:
                other = machine.neighbour(chip, link)
                if other is None:
                    raise FileFormatError(
                        "a packet leaves the board", where=f"chip {chip}", value=f"key {key:#x}"
                    )
                queue.append((other, opposite(link)))
    return found
