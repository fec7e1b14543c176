"""Bytes of hand-counted networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import neurosim as ns
from benchmarks.bounds import (
    bytes_moved,
    dense_flops,
    event_flops,
    matrix_flops,
    memory_bandwidth,
    synapse_bytes,
)
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


def test_flops_of_a_step() -> None:
    """Two products in the first layer, three in the others; 3 and 2 spikes into the layers, by hand."""
    case = replace(CASE, kind="training", parameters={"sizes": [5, 4, 2], "delays": 0})
    cells = 10 * 3
    assert dense_flops(case) == 2 * cells * (5 * 4 * 2 + 4 * 2 * 3)
    events = 3 * 4 + 2 * 2
    assert event_flops(case, [3, 2, 1]) == 2 * (2 * events + cells * 4 * 2)
    delays = replace(case, kind="delays", parameters={"sizes": [5, 4, 2], "delays": 9})
    assert dense_flops(delays) == dense_flops(case)
    assert event_flops(delays, [3, 2, 1]) == 2 * event_flops(case, [3, 2, 1])
    recurrent = replace(case, kind="training-recurrent")
    assert event_flops(recurrent, [3, 2, 1]) == event_flops(case, [3, 2, 1]) + 2 * (2 * 2 * 4 + cells * 4 * 4)
    assert dense_flops(recurrent) == dense_flops(case) + 2 * cells * 4 * 4 * 3
    assert 1e8 < matrix_flops(np.matmul, size=128, repeats=2) < 1e14


def test_bandwidth_is_that_of_a_memory() -> None:
    found = memory_bandwidth(1, megabytes=16, repeats=2)
    assert 1e8 < found < 1e13  # bytes per second: no disk, and no cache of this world
