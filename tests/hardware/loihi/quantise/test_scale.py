from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.quantise.quantised_plan import losses_of, quantise_network
from neurosim.hardware.loihi.quantise.scale import FINE_THRESHOLD
from neurosim.hardware.loihi.signs import Signs
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, LeakyIntegrator

LOIHI1 = read_chip("loihi1").limits


def quantised(weight, model=None, n=2):
    net = Network(dt=1e-3)
    source = net.input("in", shape=(np.shape(weight)[0],))
    target = net.population("p", np.shape(weight)[1], model or LIF())
    net.connect(source, target, AllToAll(), weight=np.asarray(weight), delay=1e-3)
    return quantise_network(lower(net), LOIHI1, signs=Signs.SPLIT)


def test_weights_in_simple_ratios_are_exact():
    network = quantised([[0.1, 0.2], [0.7, -0.3]])
    assert network.synapses["in->p"].error < 1e-12
    assert not [loss for loss in losses_of(network) if "weights" in loss.what]


def test_the_largest_weight_uses_its_8_bits():
    network = quantised(np.random.default_rng(0).normal(size=(50, 20)))
    assert 128 <= np.abs(network.synapses["in->p"].weight).max() <= 255


@settings(max_examples=25)
@given(st.integers(1, 400), st.floats(1e-3, 1e3), st.floats(1.0, 1e2))
def test_nothing_wraps_where_the_bits_allow_it(fan_in, size, ratio):
    network = quantised(np.full((fan_in, 2), size), LIF(threshold=size * ratio))
    q, s = network.populations["p"], network.synapses["in->p"]
    acting = s.weight * 2 ** (6 + s.exponent)
    whole = np.abs(acting[: 2 * fan_in : 2]).sum() < 2**21
    assert whole or not s.exponent.any() or q.threshold.max() << 6 <= FINE_THRESHOLD
    assert 1 <= q.threshold.max() <= 131071


def test_potentials_scale_with_the_weights():
    a, b = (quantised(np.array([[1.0, 2.0]]) * f, LIF(threshold=5.0 * f)) for f in (1.0, 1e-3))
    assert np.array_equal(a.synapses["in->p"].weight, b.synapses["in->p"].weight)
    assert np.array_equal(a.populations["p"].threshold, b.populations["p"].threshold)
    assert b.populations["p"].scale == pytest.approx(1e3 * a.populations["p"].scale)


@pytest.mark.parametrize("fan_in", [1, 2, 20])
def test_readouts_stay_within_their_register_where_the_bits_allow_it(fan_in):
    tau = 50e-3
    network = quantised(np.ones((fan_in, 1)), LeakyIntegrator(tau_membrane=tau))
    s = network.synapses["in->p"]
    steady = float((s.weight * 2.0 ** (6 + s.exponent)).sum()) / (1 - np.exp(-1e-3 / tau))
    assert steady < 2**21 or not s.exponent.any()


def test_gain_is_folded_into_the_weights():
    model = CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3)
    network = quantised([[1.0, 0.5]], model)
    q, s = network.populations["p"], network.synapses["in->p"]
    assert s.weight * 2.0 ** (6 + s.exponent) == pytest.approx(q.scale * q.gain[0] * np.array([1.0, 0.5]))


def test_losses_name_parts_and_amounts():
    losses = list(losses_of(quantised(np.random.default_rng(0).normal(size=(9, 5)))))
    assert {loss.where for loss in losses} == {"projection 'in->p'", "population 'p'"}
    assert all(loss.amount > 0 for loss in losses)
