from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.quantise.quantised_plan import held_weights, losses_of, quantise_network
from neurosim.hardware.loihi.signs import Signs
from neurosim.network import Network
from neurosim.neurons import CurrentLIF


def test_held_weights_are_the_weights_up_to_the_reported_loss():
    net = Network(dt=1e-3)
    source, pool = net.input("in", shape=(30,)), net.population("pool", 20, CurrentLIF(tau_synapse=5e-3))
    net.connect(source, pool, AllToAll(), weight=np.random.default_rng(0).normal(size=(30, 20)), delay=1e-3)
    plan = lower(net)
    network = quantise_network(plan, read_chip("loihi1").limits, signs=Signs.SPLIT)
    (p,) = plan.projections
    error = held_weights(plan, network)[p.name] - p.weight
    (loss,) = (loss for loss in losses_of(network) if loss.where == "projection 'in->pool'")
    assert np.sqrt(np.mean(error**2) / np.mean(p.weight**2)) == pytest.approx(loss.amount)
    assert 0 < loss.amount < 0.005
