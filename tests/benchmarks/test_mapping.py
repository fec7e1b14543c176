"""A small form of the mapped network."""

from __future__ import annotations

from benchmarks.mapping import ring
from benchmarks.systems import ours_mapping


def test_a_small_form() -> None:
    """The synapses of the case are those that are mapped, and the row can be filled."""
    case = ring("x", populations=3, size=20, fan_out=5, boards=1)
    runner = ours_mapping.build(case, {"precision": "double", "threads": 1})
    assert runner.synapses == case.synapses == 600
    assert runner.run().seconds > 0
    found = runner.finish()
    assert found["work"] == 600
    assert found["note"].startswith("3 cores; ")
