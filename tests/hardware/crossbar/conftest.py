"""A small network, events for it, and the way from a network to an emulated device."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.hardware.compiler import compile_network
from neurosim.hardware.target import load as load_build
from neurosim.network import Network
from neurosim.neurons import LIF, LeakyIntegrator
from neurosim.spikes import Spikes


def network(model=LIF(tau_membrane=8e-3, refractory=2e-3), seed=0, n=20):  # noqa: B008
    """Two layers with delays, lateral connections, a readout."""
    rng = np.random.default_rng(seed)
    net = Network(dt=1e-3)
    net.input("in", (2, 15))
    net.population("hidden", n, model)
    net.population("out", 5, LeakyIntegrator(tau_membrane=20e-3))
    delay = rng.integers(0, 6, (30, n)) * 1e-3
    net.connect("in", "hidden", AllToAll(), weight=rng.normal(0.15, 0.3, (30, n)), delay=delay)
    net.connect("hidden", "hidden", AllToAll(), weight=rng.normal(0, 0.1, (n, n)), delay=2e-3)
    net.connect("hidden", "out", AllToAll(), weight=rng.normal(0, 0.3, (n, 5)))
    net.output("hidden")
    net.output("out")
    return net


def spikes(samples=6, steps=50, seed=1, p=0.1):
    rng = np.random.default_rng(seed)
    return Spikes.from_dense((rng.random((steps, samples, 2, 15)) < p).astype(np.uint8), dt=1e-3)


def open_build(net, target, folder, **options):
    compile_network(net, target, **options).save(folder)
    return load_build(folder)


@pytest.fixture
def layered():
    """network(model, seed, n): an input of 30 channels, n recurrent neurons, five leaky integrators."""
    return network


@pytest.fixture
def events():
    """spikes(samples, steps, seed, p) for that input."""
    return spikes


@pytest.fixture
def opened():
    """open_build(net, target, folder, **options): compiled, saved, loaded."""
    return open_build
