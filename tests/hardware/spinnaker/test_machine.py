"""The board against the published counts of SpiNN-5."""

from __future__ import annotations

import pytest

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.machine import LINKS, opposite, read_limits, read_machine, read_sources


def test_a_board_has_48_chips_and_856_cores():
    """48 chips of 18 processors, 8 of which have 17: 856 in all, the number that SpiNNMachine reports."""
    machine, limits = read_machine(), read_limits()
    assert len(machine.cores) == limits["chips"] == 48
    reserved = limits["monitor_cores"] * 48 + limits["ethernet_cores"]
    assert sum(map(len, machine.cores.values())) + reserved == 856
    assert machine.cores[0, 0] == range(3, 18)
    assert machine.cores[1, 0] == range(2, 18)
    assert machine.cores[1, 1] == range(2, 17)


def test_links_lead_there_and_back():
    machine = read_machine()
    for chip in machine.cores:
        for link in range(6):
            other = machine.neighbour(chip, link)
            if other is not None:
                assert machine.neighbour(other, opposite(link)) == chip
    assert sum(x for x, _ in LINKS) == sum(y for _, y in LINKS) == 0


@pytest.mark.parametrize("source", [(0, 0), (7, 7), (4, 4), (0, 3)])
def test_paths_are_shortest(source):
    """On a hexagonal mesh without wrap-around: max(|dx|, |dy|) with equal signs, |dx| + |dy| otherwise."""
    machine = read_machine()
    tree = machine.tree(source)
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
