"""The estimates, by hand from the published constants."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.report.activity import Activity
from neurosim.hardware.loihi.report.energy import energy, latency

LOIHI1 = read_chip("loihi1")
ACTIVITY = Activity(
    steps=2,
    operations=np.array([[1000.0, 10.0], [0.0, 4000.0]]),
    active=np.array([[10.0, 0.0], [0.0, 20.0]]),
    compartments=np.array([100.0, 50.0]),
    messages=np.array([[3.0, 1.0], [0.0, 2.0]]),
    hops=np.array([4.0, 2.0]),
    inputs=5.0,
    way=(1, 1),
)


def test_time_is_the_slowest_stage_of_any_core_and_the_barrier():
    """First step: 1000 operations of 3.5 ns; second: 4000; a barrier for 2 of 32 tiles."""
    found = latency(ACTIVITY, LOIHI1.time, tiles=2, all_tiles=32, numbers=(7, 9))
    barrier = 113e-9 + (465e-9 - 113e-9) / 31
    assert found.barrier == pytest.approx(barrier)
    assert found.longest == pytest.approx(4000 * 3.5e-9 + barrier)
    assert found.mean == pytest.approx(2500 * 3.5e-9 + barrier)
    assert found.stage == "synaptic operations"
    assert "3.5 ns" in found.formula
    idle = Activity(**{**vars(ACTIVITY), "operations": 0 * ACTIVITY.operations})
    found = latency(idle, LOIHI1.time, tiles=1, all_tiles=1, numbers=(7, 9))
    assert found.longest == pytest.approx(10 * 8.4e-9 + 90 * 5.3e-9 + 113e-9)
    assert (found.core, found.stage) == (7, "neuron updates")


def test_energy_is_the_sum_of_its_events():
    found = energy(ACTIVITY, LOIHI1.energy, step=10e-6)
    assert found.operations == pytest.approx(5010 / 2 * 23.6e-12)
    assert found.updates == pytest.approx((30 / 2) * 81e-12 + (150 - 15) * 52e-12)
    assert found.spikes == pytest.approx((6 + 5) / 2 * 1.7e-12)
    assert found.hops == pytest.approx(4 / 2 * 3e-12 + 2 / 2 * 4e-12)
    assert found.static == pytest.approx(0.104 * 10e-6)
    assert found.dynamic == pytest.approx(found.operations + found.updates + found.spikes + found.hops)
    assert found.total == found.dynamic + found.static
    assert found.per_operation == pytest.approx(found.total / 2505)
    assert "23.6 pJ" in found.formula
    assert "104 mW" in found.formula


def test_loihi_2_has_no_constants():
    assert not read_chip("loihi2").energy
    assert not read_chip("loihi2").time
