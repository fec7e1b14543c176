"""A small form of the emulated board."""

from __future__ import annotations

from benchmarks.emulation import board
from benchmarks.systems import ours_emulation


def test_a_small_form() -> None:
    """The neurons fire, the events are those of their spikes, and the row can be filled."""
    case = board("x", populations=2, cores=1, fan_out=5, steps=100)
    runner = ours_emulation.build(case, {"threads": 2})
    assert runner.synapses == case.synapses == 2 * 512 * 5
    assert len(runner.device.started.synapses.target) == case.synapses
    done = runner.run()
    assert done.seconds > 0
    assert done.spikes > 100
    found = runner.finish()
    assert found["work"] == 10 * done.spikes
    assert "times real time" in found["note"]
