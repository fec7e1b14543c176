"""Delivery over static synapses: every layout of rows, into sums and counts, against plain NumPy."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.engine.ops.delivery_op import deliver_reference

DT = 1e-3


def network(weight: Any, delay: Any, n_post: int) -> ns.Network:
    net = ns.Network(dt=DT, seed=3)
    net.input("in", 30)
    net.output(net.population("out", n_post, ns.LeakyIntegrator(tau_membrane=np.inf)))
    net.connect("in", "out", ns.FixedProbability(0.2), weight=weight, delay=delay)
    return net


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n_post", [50, 70_000])
@pytest.mark.parametrize("delay", [0.0, 7e-3, ns.Uniform(0.0, 9e-3)], ids=["none", "one", "own"])
@pytest.mark.parametrize("weight", [0.3, ns.Normal(0.1, 0.2)], ids=["one weight", "own weights"])
def test_arrivals_are_those_of_the_plain_sum(
    weight: Any, delay: Any, n_post: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
    plan = lower(network(weight, delay, n_post))
    counts = np.random.default_rng(0).poisson(0.2, (90, 30))
    found = ns.simulate(plan, {"in": counts[:, None]}, record={"out": "v"}, threads=threads)["out"].v[:, 0]
    expected = np.cumsum(deliver_reference(plan.projections[0], counts, 90), axis=0)
    # float64 sums of some hundred float32 weights, in another order
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
def test_dense_rows_are_counted_as_bits(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
    rng = np.random.default_rng(1)
    pre, post = rng.integers(0, 300, 9000), rng.integers(0, 200, 9000)  # several synapses between some pairs
    net = ns.Network(dt=DT)
    net.input("in", 300)
    net.output(net.population("out", 200, ns.LeakyIntegrator(tau_membrane=np.inf)))
    net.connect("in", "out", ns.Sparse(pre, post), weight=0.5, delay=3e-3)
    plan = lower(net)
    assert plan.projections[0].rows.is_dense
    counts = np.ones((20, 300), np.int64)  # more than 255 rows in a step
    found = ns.simulate(plan, {"in": counts[:, None]}, record={"out": "v"}, threads=threads)["out"].v[:, 0]
    assert np.array_equal(found, np.cumsum(deliver_reference(plan.projections[0], counts, 20), axis=0))
