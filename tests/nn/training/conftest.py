"""A task that is learnt within seconds, and a network for it."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim import neurons, nn


@pytest.fixture
def make_data():
    """Six channels; the upper or the lower three are busy."""

    def make(samples=40, seed=0):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, samples)
        x = rng.uniform(size=(15, samples, 6)) < np.where((np.arange(6) < 3) == y[:, None], 0.3, 0.1)
        return ns.Spikes.from_dense(x, dt=1e-3), y

    return make


@pytest.fixture
def make_module():
    """Two populations of neurons."""

    def make(seed=0):
        model = neurons.LIF(tau_membrane=10e-3)
        return nn.Sequential(
            nn.Linear(6, 8, seed=seed, gain=2.0), nn.LIF(model, 8, dt=1e-3),
            nn.Linear(8, 2, seed=seed + 1), nn.LIF(model, 2, dt=1e-3),
        )  # fmt: skip

    return make
