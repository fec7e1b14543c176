from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.errors import CapacityError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.quantise.quantised_plan import quantise_network
from neurosim.hardware.loihi.quantise.static_proof import check_activity
from neurosim.hardware.loihi.signs import Signs
from neurosim.network import Network
from neurosim.neurons import LIF, IntegrateAndFire

LIMITS = read_chip("loihi1").limits


def quantised(first, second, model=None):
    net = Network(dt=1e-3)
    net.input("in", shape=(len(first),))
    net.population("a", first.shape[1], LIF(threshold=0.1))
    net.population("b", second.shape[1], model or LIF())
    net.connect("in", "a", AllToAll(), weight=first, delay=1e-3)
    net.connect("a", "b", AllToAll(), weight=second, delay=1e-3)
    plan = lower(net)
    return plan, quantise_network(plan, LIMITS, signs=Signs.MIXED)


def with_population(network, name, **registers):
    populations = {**network.populations, name: replace(network.populations[name], **registers)}
    return replace(network, populations=populations)


FIRST = np.full((3, 4), 0.2)


def test_weights_that_all_became_zero_are_named():
    second = np.full((4, 2), 1e-3)
    second[0] = -40.0
    with pytest.raises(CapacityError, match=r"population 'b': is silent for ever .* became zero"):
        check_activity(*quantised(FIRST, second, LIF(threshold=0.005)))


def test_a_threshold_out_of_reach_of_all_synapses_together_is_named():
    """0.06 from each of 4 neurons in every step come to 0.24 / (1 - exp(-1/20)) = 4.9 at most."""
    plan, network = quantised(FIRST, np.full((4, 2), 0.06))
    check_activity(plan, network)
    reach = int(0.24 / (1 - np.exp(-1 / 20)) * network.populations["b"].scale / 64)
    for mantissa, passes in ((reach - 100, True), (reach + 100, False)):
        raised = with_population(network, "b", threshold=np.full(2, mantissa))
        if passes:
            check_activity(plan, raised)
        else:
            with pytest.raises(CapacityError, match=r"population 'b': .* do not reach the threshold"):
                check_activity(plan, raised)


def test_inputs_may_bring_any_number_of_spikes():
    plan, network = quantised(FIRST, np.full((4, 2), 0.06))
    check_activity(plan, with_population(network, "a", threshold=np.full(4, 131071)))


def test_a_population_that_is_silent_as_described_is_no_error():
    check_activity(*quantised(FIRST, np.full((4, 2), 0.06), LIF(threshold=5.0)))
    check_activity(*quantised(FIRST, np.full((4, 2), -0.06)))


def test_without_a_leak_any_weight_reaches_any_threshold():
    check_activity(*quantised(FIRST, np.full((4, 2), 0.01), IntegrateAndFire(threshold=3.0)))


def test_a_bias_that_fires_in_every_step_is_named():
    plan, network = quantised(FIRST, np.full((4, 2), 0.06), LIF(current=1.5))
    check_activity(plan, network)
    small = np.maximum(network.populations["b"].bias_mantissa >> 8, 1)
    with pytest.raises(CapacityError, match=r"population 'b': saturates .* in every step"):
        check_activity(plan, with_population(network, "b", threshold=small))
    above = LIF(current=40.0)  # as described
    check_activity(*quantised(FIRST, np.full((4, 2), 0.06), above))
