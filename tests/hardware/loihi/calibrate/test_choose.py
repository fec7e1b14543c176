from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError
from neurosim.hardware.loihi import Loihi1, Signs
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF


def network(weight, **model):
    net = Network(dt=1e-3)
    source, hidden = (
        net.input("in", shape=(len(weight),)),
        net.population("hidden", weight.shape[1], LIF(**model)),
    )
    net.connect(source, hidden, AllToAll(), weight=weight)
    net.output(hidden)
    return net


def events(n, rate=0.1):
    return (np.random.default_rng(0).random((200, 5, n)) < rate).astype(int)


def mismatch(net, target, inputs, tmp_path, **options):
    hardware.compile(net, target, **options).save(tmp_path)
    chip = hardware.load(tmp_path).emulate(inputs)["hidden"].spikes.counts()
    engine = simulate(net, inputs)["hidden"].spikes.counts()
    return np.abs(chip - engine).sum() / engine.sum()


def test_outliers_do_not_cost_the_other_weights_their_bits(tmp_path):
    """One large inhibitory weight that never acts: the scale should serve the others."""
    weight = np.random.default_rng(1).normal(0.02, 0.02, (40, 30))
    weight[0, 0] = -60.0
    net, inputs = network(weight), {"in": events(40, 0.3)}
    inputs["in"][:, :, 0] = 0
    with pytest.raises(CapacityError, match=r"population 'hidden': is silent for ever .* became zero"):
        hardware.compile(net, Loihi1(signs=Signs.MIXED))
    assert mismatch(net, Loihi1(signs=Signs.MIXED), inputs, tmp_path / "b", calibration=inputs) < 0.05


def test_the_report_says_what_was_chosen():
    net = network(np.random.default_rng(1).normal(0.1, 0.2, (40, 30)))
    text = hardware.compile(net, Loihi1(), calibration={"in": events(40)}).report()
    assert "calibration on 5 samples of 201 steps" in text
    assert "hidden: " in text


def test_a_population_that_falls_silent_is_named():
    """All that drives the population is lost beside a weight a million times larger, on the same neuron."""
    weight = np.full((20, 3), 2e-5)
    weight[0] = -50.0
    net = network(weight, threshold=1e-4)
    inputs = {"in": events(20, 0.5)}
    inputs["in"][:, :, 0] = 0
    with pytest.raises(CapacityError, match=r"population 'hidden'"):
        hardware.compile(net, Loihi1(), calibration=inputs)


def test_a_register_that_wraps_is_named_with_its_place():
    """Weights a thousand times the threshold sum to more than the chip can."""
    net = Network(dt=1e-3)
    source = net.input("in", shape=(12,))
    cells = net.population("cells", 4, CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3))
    net.connect(source, cells, AllToAll(), weight=1e3)
    net.output(cells)
    place = r"population 'cells', neuron \d+, sample \d+, step \d+: the (sum of arrivals|synaptic current) wrapped"
    with pytest.raises(
        CapacityError, match=rf"{place} on the calibration inputs \(got \d+, \d+ times in all\)"
    ):
        hardware.compile(net, Loihi1(), calibration={"in": events(12, 0.4)})
