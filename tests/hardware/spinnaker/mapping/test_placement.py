"""Cores on chips."""

from __future__ import annotations

import pytest

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.mapping.placement import place_cores


def test_chips_fill_up_from_the_corner():
    places = place_cores(read_machine(), [100] * 40, 10**6, ["c"] * 40)
    assert places[0] == (0, 0, 3)
    assert [p for *_, p in places[:15]] == list(range(3, 18))
    assert len(set(places)) == 40
    assert len({(x, y) for x, y, _ in places}) == 3


def test_memory_moves_a_core_on():
    places = place_cores(read_machine(), [60, 60, 30], 100, ["a", "b", "c"])
    assert places[0][:2] == places[2][:2] != places[1][:2]


def test_a_full_board_is_refused():
    cores = sum(map(len, read_machine().cores.values()))
    assert len(place_cores(read_machine(), [1] * cores, 100, ["c"] * cores)) == cores == 759
    with pytest.raises(CapacityError, match=r"760 cores.*759 cores"):
        place_cores(read_machine(), [1] * 760, 100, ["c"] * 760)


def test_a_core_larger_than_a_chip_is_refused():
    with pytest.raises(CapacityError, match=r"core big.*101 bytes"):
        place_cores(read_machine(), [101], 100, ["big"])
