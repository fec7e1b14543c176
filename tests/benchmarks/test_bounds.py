"""Bytes of hand-counted networks."""

from __future__ import annotations

import numpy as np

import neurosim as ns
from benchmarks.bounds import bytes_moved, memory_bandwidth, synapse_bytes
from benchmarks.case import Case
from neurosim.engine.lower import lower

CASE = Case(name="", kind="", arrays="", neurons=100, synapses=0, steps=10, samples=3, dt=1e-3, fan_out=1.0)


def network(**connection: object) -> ns.Network:
    net = ns.Network(dt=1e-3)
    net.population("a", 100, ns.CurrentLIF())
    net.connect("a", "a", ns.Sparse(np.repeat(np.arange(50), 2), np.arange(100)), delay=1e-3, **connection)  # type: ignore[arg-type]
    return net


def test_a_shared_weight_is_not_read() -> None:
    """16-bit target, and a counter of one byte that is read and written."""
    plan = lower(network(weight=0.5))
    assert synapse_bytes(plan.projections[0], 8) == 2 + 2 * 1
    updates = 100 * 10 * 3
    assert bytes_moved(plan, 1000.0, CASE, 8) == 4 * 1000 + updates * 2 * (3 * 8 + 1)


def test_own_weights_are_read_and_summed() -> None:
    weights = np.linspace(0.1, 0.2, 100).astype(np.float32)
    plan = lower(network(weight=weights))
    assert synapse_bytes(plan.projections[0], 4) == 2 + 4 + 2 * 4
    assert bytes_moved(plan, 0.0, CASE, 4) == 100 * 10 * 3 * 2 * (3 * 4 + 4)


def test_a_plastic_weight_is_read_and_written() -> None:
    plan = lower(network(weight=0.5, plasticity=ns.STDP()))
    p = plan.projections[0]
    assert synapse_bytes(p, 8) == p.rows.word.itemsize + 3 * 8


def test_bandwidth_is_that_of_a_memory() -> None:
    found = memory_bandwidth(1, megabytes=16, repeats=2)
    assert 1e8 < found < 1e13  # bytes per second: no disk, and no cache of this world
