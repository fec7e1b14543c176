"""Bounds on what arrives, against sums made with dense arrays."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.hardware.compiler.retime import retime
from neurosim.hardware.spinnaker.quantise.activity import (
    HEADROOM,
    calibrated_activity,
    calibration_spikes,
    safe_activity,
)
from neurosim.hardware.target import Transport
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF
from neurosim.spikes import Spikes

WEIGHT = np.array([[0.5, -1.0], [0.25, -2.0], [-0.75, 4.0]])
DELAY = np.array([[1, 2], [2, 2], [3, 1]])


def plan_of(model):
    net = Network(dt=1e-3, seed=0)
    net.input("in", 3)
    net.population("a", 2, model)
    net.connect("in", "a", AllToAll(), weight=WEIGHT, delay=DELAY * 1e-3)
    net.output("a")
    plan, lag, _ = retime(lower(net), Transport(1, None))
    return plan, lag


def test_safe_bounds_are_all_synapses_at_once():
    plan, _ = plan_of(LIF())
    bounds = safe_activity(plan, plan.populations["a"])
    np.testing.assert_allclose(bounds.arrivals, [[0.75, 4.0], [0.75, 3.0]])
    np.testing.assert_allclose(bounds.weights, [[0.5, 4.0], [0.75, 2.0]])
    np.testing.assert_array_equal(bounds.inputs, bounds.arrivals)


def test_a_current_adds_up_over_steps():
    plan, _ = plan_of(CurrentLIF(tau_synapse=5e-3))
    bounds = safe_activity(plan, plan.populations["a"])
    np.testing.assert_allclose(bounds.inputs, bounds.arrivals / (1 - np.exp(-0.2)))


@pytest.mark.parametrize("model", [LIF(), CurrentLIF(tau_synapse=5e-3)])
def test_calibrated_bounds_are_twice_what_occurred(model):
    plan, lag = plan_of(model)
    rng = np.random.default_rng(0)
    x = (rng.random((40, 2, 3)) < 0.1).astype(np.float64)
    bounds = calibrated_activity(plan, calibration_spikes(plan, lag, {"in": Spikes.from_dense(x, dt=1e-3)}))[
        "a"
    ]
    sums = np.zeros((2, 45, 2, 2))  # receptor, step, sample, neuron
    for i in range(3):
        for j in range(2):
            sums[int(WEIGHT[i, j] < 0), DELAY[i, j] : DELAY[i, j] + 40, :, j] += (
                abs(WEIGHT[i, j]) * x[:, :, i]
            )
    safe = safe_activity(plan, plan.populations["a"])
    occurred = sums[:, :40].max(axis=(1, 2, 3))[:, None]
    expected = np.minimum(np.maximum(HEADROOM * occurred, safe.weights), safe.arrivals)
    np.testing.assert_allclose(bounds.arrivals, expected)


def test_several_spikes_of_a_channel_lift_the_bound():
    plan, lag = plan_of(LIF())
    x = np.zeros((10, 1, 3))
    x[2, 0] = 5
    bounds = calibrated_activity(plan, calibration_spikes(plan, lag, {"in": Spikes.from_dense(x, dt=1e-3)}))[
        "a"
    ]
    assert bounds.arrivals[0].max() == HEADROOM * 20.0


def test_a_silent_sample_says_nothing():
    plan, lag = plan_of(LIF())
    bounds = calibrated_activity(
        plan, calibration_spikes(plan, lag, {"in": Spikes.from_dense(np.zeros((10, 1, 3)), dt=1e-3)})
    )["a"]
    np.testing.assert_array_equal(bounds.arrivals, safe_activity(plan, plan.populations["a"]).arrivals)
