"""A small form of the large network."""

from __future__ import annotations

from benchmarks.memory import large
from benchmarks.systems import ours


def test_a_small_form() -> None:
    """Every synapse with a float32 weight of its own, and neurons that fire."""
    runner = ours.build(
        large("x", neurons=300, in_degree=20, steps=300), {"precision": "single", "threads": 1}
    )
    assert runner.synapses == 6000
    (projection,) = runner.plan.projections
    assert projection.rows.weight.dtype == "float32"
    assert len(projection.rows.weight) == 6000
    assert runner.run().spikes > 0
