"""Networks whose delays need no retiming, compiled by hand, so that each stage can be changed."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.profiles import NENGO_LOIHI
from neurosim.hardware.loihi.quantise.quantised_plan import device_network, quantise_network
from neurosim.hardware.loihi.report.analyse import Compiled
from neurosim.hardware.loihi.signs import Signs
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.manifest import Manifest, PopulationEntry


def compiled(net, limits=None, numerics=NENGO_LOIHI, change=lambda network: network):
    """Every stage; ``change`` the network in the numbers of the chip."""
    limits = {**read_chip("loihi1").limits, **(limits or {})}
    plan = lower(net)
    quantised = quantise_network(plan, limits, signs=Signs.SPLIT)
    mapped = map_network(change(device_network(plan, quantised)), limits)
    entries = {name: PopulationEntry(shape=p.shape) for name, p in plan.populations.items()}
    inputs = {name: PopulationEntry(shape=shape) for name, shape in plan.inputs.items()}
    manifest = Manifest(
        target="loihi", profile="loihi1", dt=plan.dt, inputs=inputs, populations=entries, outputs=plan.outputs
    )
    return Compiled(
        plan=plan,
        lag=dict.fromkeys([*inputs, *entries], 0),
        quantised=quantised,
        mapped=mapped,
        tables=tables_of(mapped, numerics),
        manifest=manifest,
    )


def two_layers(seed=1):
    """24 sources, 40 recurrent neurons with currents and a refractory period, 5 readers."""
    net = ns.Network(dt=1e-3, seed=seed)
    net.input("in", 24)
    net.population("a", 40, ns.CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3, refractory=2e-3))
    net.output(net.population("b", 5, ns.LIF(tau_membrane=10e-3, current=0.3)))
    net.connect("in", "a", ns.FixedProbability(0.5), weight=ns.Normal(0.25, 0.1), delay=1e-3)
    net.connect("a", "a", ns.FixedProbability(0.2), weight=ns.Normal(0.0, 0.1), delay=ns.Uniform(1e-3, 5e-3))
    net.connect("a", "b", ns.AllToAll(), weight=ns.Normal(0.15, 0.05), delay=2e-3)
    return net


def noise(size=24, steps=80, samples=2, rate=0.08, seed=0):
    """Spikes of the sources."""
    rng = np.random.default_rng(seed)
    return {"in": ns.Spikes.from_dense(rng.poisson(rate, (steps, samples, size)), dt=1e-3)}


@pytest.fixture(scope="session")
def compile_by_hand():
    return compiled


@pytest.fixture(scope="session")
def make_two_layers():
    return two_layers


@pytest.fixture(scope="session")
def make_noise():
    return noise
