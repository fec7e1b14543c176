"""Packets followed through tables, against one packet followed alone in the plainest way."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.routing.entry import Entry
from neurosim.hardware.spinnaker.routing.trace import Packets, trace, trace_all

MACHINE = read_machine()
CHIPS = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2)]


def follow(tables, chip, key):
    """Cores, links, chips and drops of one packet, copy by copy; None if it runs in circles or off the board."""
    cores, links, chips, drops, queue = [], [], {chip}, [], [(chip, None, 0)]
    while queue:
        chip, arrival, hops = queue.pop(0)
        if hops > 7 * 48 or len(queue) > 4000:
            return None
        route = next((e.route for e in tables.get(chip, ()) if e.matches(key)), None)
        if route is None:
            route = 0 if arrival is None else 1 << (arrival + 3) % 6
        chips.add(chip)
        cores += [(*chip, p) for p in range(18) if route >> (6 + p) & 1]
        drops += [chip] * (route == 0)
        for link in range(6):
            if route >> link & 1:
                other = MACHINE.neighbour(chip, link)
                if other is None:
                    return None
                links.append((chip, link))
                queue.append((other, (link + 3) % 6, hops + 1))
    return sorted(cores), sorted(links), sorted(chips), sorted(drops)


entries = st.builds(
    lambda mask, key, links, cores: Entry(
        key & mask, mask, sum({1 << k for k in links}) | sum({1 << 6 + p for p in cores})
    ),
    st.integers(0, 31),
    st.integers(0, 31),
    st.lists(st.sampled_from([0, 1, 2, 4]), max_size=2),
    st.lists(st.integers(1, 17), max_size=2),
)
tables = st.dictionaries(st.sampled_from(CHIPS), st.lists(entries, max_size=4), max_size=8)


@given(tables, st.sampled_from(CHIPS), st.integers(0, 4))
def test_routes_are_those_of_every_single_packet(tables, chip, width):
    """Random tables that split, drop and double packets: the parts cover all keys once, and each is right."""
    alone = {key: follow(tables, chip, key) for key in range(1 << width)}
    if None in alone.values():
        with pytest.raises(FileFormatError, match=r"circles|leaves the machine"):
            trace(MACHINE, tables, chip, 0, width)
        return
    routes = trace(MACHINE, tables, chip, 0, width)
    for key, right in alone.items():
        (route,) = (r for r in routes if key & r.mask == r.key)
        found = (route.cores, sorted(route.links), sorted(route.chips), route.drops)
        assert tuple(map(list, found)) == right


def test_senders_do_not_disturb_each_other():
    tables = {(0, 0): [Entry(0, 0x10, 1 << 9), Entry(0x10, 0x10, 1)], (3, 0): [Entry(0, 0, 1 << 11)]}
    both = trace_all(MACHINE, tables, [Packets((0, 0), 0, 4), Packets((0, 0), 0x10, 4)])
    assert [r.cores for routes in both for r in routes] == [((0, 0, 3),), ((3, 0, 5),)]
    assert both[1][0].links == (((0, 0), 0), ((1, 0), 0), ((2, 0), 0))
    (split,) = trace_all(MACHINE, tables, [Packets((0, 0), 0, 5)])
    assert [(r.key, r.mask) for r in split] == [(0, 0xFFFFFFF0), (0x10, 0xFFFFFFF0)]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({(0, 0): [Entry(0, 0, 1 << 3)]}, r"leaves the machine.*key 0x0|\(0, 0\), link 3"),
        ({(0, 0): [Entry(0, 0, 1)], (1, 0): [Entry(0, 0, 1 << 3)]}, "circles"),
        ({(9, 0): [Entry(0, 0, 1)]}, "not a chip"),
    ],
)
def test_bad_tables_are_refused(tables, message):
    with pytest.raises(FileFormatError, match=message):
        trace(MACHINE, tables, (0, 0), 0, 8)
