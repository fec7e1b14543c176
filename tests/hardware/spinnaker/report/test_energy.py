"""The power estimate, by hand and against SpiNNMachine's own."""

from __future__ import annotations

import pytest

from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.report.energy import energy


def test_by_hand():
    found = energy(read_limits(), boards=2, chips=60, cores=700, visits=5000.0, events=2e6, step=1e-3)
    assert (found.boards, found.chips, found.cores) == (53.68, pytest.approx(21.0), pytest.approx(23.8))
    assert found.packets == pytest.approx(5e6 * 1e-9)
    assert found.total == pytest.approx(53.68 + 23.8 + 0.005)
    assert found.total_of_chips == pytest.approx(21.0 + 23.8 + 0.005)
    assert found.joules_per_step == pytest.approx(found.total * 1e-3)
    assert found.joules_per_event == pytest.approx(found.total * 1e-3 / 2e6)
    assert "26.84 W" in found.formula


def test_without_events_there_is_no_energy_of_one():
    found = energy(read_limits(), boards=1, chips=1, cores=1, visits=0.0, events=0.0, step=1e-3)
    assert found.joules_per_event is None


@pytest.mark.parametrize("boards", [0, 1, 3])
def test_as_spinnaker_reports_it(boards):
    """The host's formula for the same chips, cores and packets, of a run of ten seconds; 0 boards: the chips alone."""
    module = pytest.importorskip("spinn_machine.version.version_5", exc_type=ImportError)
    version = object.__new__(module.Version5)  # its constructor reads a configuration file
    cores = {(0, 0): 15, (1, 0): 16, (0, 1): 7}
    seconds, visits = 10.0, 321.0
    counters = {"Local_Multicast_Packets": 6000 * visits, "External_Multicast_Packets": 4000 * visits}
    times = {chip: (seconds * n, n) for chip, n in cores.items()}
    theirs = version.get_active_energy(seconds, 0, boards, 3, times, {(0, 0): counters})
    ours = energy(
        read_limits(), boards=boards, chips=3, cores=sum(cores.values()), visits=visits, events=1.0, step=1e-3
    )
    assert (ours.total if boards else ours.total_of_chips) * seconds == pytest.approx(theirs)
