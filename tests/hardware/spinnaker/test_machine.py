"""The board against the published counts of SpiNN-5."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.machine import (
    LINKS,
    build_machine,
    machine_size,
    opposite,
    read_limits,
    read_machine,
    read_sources,
)


def test_a_board_has_48_chips_and_856_cores():
    """48 chips of 18 processors, 8 of which have 17: 856 in all, the number that SpiNNMachine reports."""
    machine, limits = read_machine(), read_limits()
    assert len(machine.cores) == limits["chips"] == 48
    reserved = limits["monitor_cores"] * 48 + limits["ethernet_cores"]
    assert sum(map(len, machine.cores.values())) + reserved == 856
    assert machine.cores[0, 0] == tuple(range(3, 18))
    assert machine.cores[1, 0] == tuple(range(2, 18))
    assert machine.cores[1, 1] == tuple(range(2, 17))


def test_links_lead_there_and_back():
    machine = read_machine()
    for chip in machine.cores:
        for link in range(6):
            other = machine.neighbour(chip, link)
            if other is not None:
                assert machine.neighbour(other, opposite(link)) == chip
    assert sum(x for x, _ in LINKS) == sum(y for _, y in LINKS) == 0


@pytest.mark.parametrize("source", [(0, 0), (7, 7), (4, 4), (0, 3)])
def test_paths_are_shortest(paths_from, source):
    """On a hexagonal mesh without wrap-around: max(|dx|, |dy|) with equal signs, |dx| + |dy| otherwise."""
    machine = read_machine()
    tree = paths_from(machine, source)
    assert len(tree) == 47
    for chip in tree:
        hops, at = 0, chip
        while at != source:
            at, hops = tree[at][0], hops + 1
        dx, dy = chip[0] - source[0], chip[1] - source[1]
        assert hops == (max(abs(dx), abs(dy)) if dx * dy >= 0 else abs(dx) + abs(dy))


def test_every_limit_has_a_source():
    sources = read_sources()
    assert set(sources) == set(read_limits())
    assert all(len(s) > 5 for s in sources.values())


@pytest.mark.parametrize("name", ["spinn9", "../spinn5", ""])
def test_unknown_profiles_are_refused(name):
    with pytest.raises(DescriptionError, match="profile"):
        read_limits(name)


@pytest.fixture
def spinn_machine():
    """SpiNNMachine, which makes machines without a board: (width, height, what is missing) -> its machine."""
    pytest.importorskip("spinn_machine")
    from spinn_machine.config_setup import unittest_setup
    from spinn_machine.virtual_machine import virtual_machine
    from spinn_utilities.config_holder import set_config

    def make(width, height, chips=(), cores=(), links=()):
        unittest_setup()
        set_config("Machine", "version", "5")
        for name, parts in (("chips", chips), ("cores", cores), ("links", links)):
            if parts:
                set_config("Machine", f"down_{name}", ":".join(",".join(map(str, p)) for p in parts))
        return virtual_machine(width, height, validate=False)

    yield make
    unittest_setup()


def same_as(theirs, ours):
    """Chips, links, cores, Ethernet chips and local coordinates."""
    assert {(c.x, c.y) for c in theirs.chips} == set(ours.cores)
    gatherers = {(c.x, c.y) for c in theirs.ethernet_connected_chips}
    assert ours.boards == len(gatherers)
    for chip in theirs.chips:
        here = (chip.x, chip.y)
        links = {link.source_link_id: (link.destination_x, link.destination_y) for link in chip.router.links}
        assert links == {k: ours.neighbour(here, k) for k in range(6) if ours.neighbour(here, k)}
        # the monitor takes the first core an application could have, the gatherer the next one
        system = 2 if here in gatherers else 1
        assert ours.cores[here] == tuple(chip.placable_processors_ids)[system:]
        assert ours.ethernet[here] == (chip.nearest_ethernet_x, chip.nearest_ethernet_y)


@pytest.mark.parametrize("boards", [1, 2, 3, 6, 24])
def test_boards_are_those_of_spinnmachine(spinn_machine, boards):
    from spinn_machine.data import MachineDataView

    ours = read_machine(boards=boards)
    same_as(spinn_machine(*machine_size(boards)), ours)
    assert MachineDataView.get_machine_version().size_from_n_boards(boards) == (ours.width, ours.height)
    assert ours.boards >= boards


@pytest.mark.parametrize("size", [(12, 12), (24, 12), (12, 16), (28, 12), (28, 16)])
def test_whole_triads_wrap_around(spinn_machine, size):
    same_as(spinn_machine(*size), build_machine(*size))


def test_what_is_missing_is_missing_there_too(spinn_machine):
    """One end of a link is enough here; SpiNNMachine wants both and repairs the rest when it meets real hardware."""
    chips, cores = [(3, 3), (8, 9)], [(0, 0, 1), (5, 5, 17), (1, 1, 4)]
    links = [(0, 0, 0), (1, 0, 3), (11, 11, 1), (0, 0, 4)]
    ours = build_machine(12, 12).without(chips=chips, cores=cores, links=[(0, 0, 0), (11, 11, 1)])
    same_as(spinn_machine(12, 12, chips, cores, links), ours)
    assert ours.cores[0, 0] == tuple(range(4, 18))
    assert ours.without(links=[(2, 2, 0)]).neighbour((3, 2), 3) is None
    assert ours.without(links=[(2, 2, 0)]).neighbour((0, 0), 0) is None


@pytest.mark.parametrize("size", [(12, 12), (24, 12)])
def test_paths_are_as_long_as_spinnmachine_says(paths_from, spinn_machine, size):
    theirs, ours = spinn_machine(*size), build_machine(*size)
    for source in [(0, 0), (11, 5)]:
        hops = {source: 0}
        for chip, (before, _) in paths_from(ours, source).items():  # nearest first
            hops[chip] = hops[before] + 1
            assert hops[chip] == theirs.get_vector_length(source, chip)


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_paths_avoid_what_is_missing(paths_from, data):
    machine = build_machine(12, 12)
    everywhere = sorted(set(machine.cores) - {(0, 0), (4, 8), (8, 4)})
    chips = data.draw(st.sets(st.sampled_from(everywhere), max_size=30))
    links = data.draw(
        st.sets(st.tuples(st.sampled_from(everywhere), st.integers(0, 5)), max_size=60).map(
            lambda found: {(*chip, link) for chip, link in found}
        )
    )
    less = machine.without(chips=chips, links=links)
    source = data.draw(st.sampled_from(sorted(less.cores)))
    tree = paths_from(less, source)
    assert set(tree) == set(less.cores) - {source}
    for chip, (before, link) in tree.items():
        assert machine.neighbour(before, link) == chip
        assert not {chip, before} & chips
        assert (*before, link) not in links
        assert (*chip, opposite(link)) not in links


def test_paths_turn_once_on_a_whole_board(paths_from):
    """Two directions reach every chip of a mesh without faults, so one turn is enough."""
    machine = read_machine(boards=3)
    tree = paths_from(machine, (5, 5))
    for chip in tree:
        links, at = [], chip
        while at != (5, 5):
            at, link = tree[at]
            links.append(link)
        assert sum(a != b for a, b in itertools.pairwise(links)) <= 1


def test_chips_that_nothing_reaches_are_not_there():
    alone = read_machine().without(links=[(0, 3, k) for k in range(6)])
    assert (0, 3) not in alone.cores
    assert len(alone.cores) == 47
    assert read_machine(boards=3).without(chips=[(4, 8)]).boards == 2


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"chips": [(0, 0)]}, "boot chip"),
        ({"chips": [(7, 0)]}, r"chip.*\(7, 0\)"),
        ({"cores": [(1, 1, 0)]}, "core"),
        ({"cores": [(1, 1, 18)]}, "core"),
        ({"links": [(0, 0, 6)]}, "link"),
    ],
)
def test_parts_that_cannot_be_missing_are_refused(missing, message):
    with pytest.raises(DescriptionError, match=message):
        read_machine().without(**missing)


@pytest.mark.parametrize("size", [(8, 12), (12, 8), (18, 12), (0, 0), (264, 264), (12.0, 12)])
def test_sizes_that_no_machine_has_are_refused(size):
    with pytest.raises(DescriptionError, match="size"):
        build_machine(*size)
