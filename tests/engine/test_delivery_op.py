"""Delivery over static synapses: every layout of rows, into sums and counts, against plain NumPy."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.delivery_op import deliver_reference
from neurosim.engine.lower import lower

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
