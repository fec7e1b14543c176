"""Device numbers of networks in PyNN's terms: words, shifts, weights and delays as the host makes them."""

from __future__ import annotations

import pytest

from neurosim.errors import CapacityError, DescriptionError
from neurosim.hardware.spinnaker import (
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
    PyNNSTDP,
)
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.pynn.host_network import device_network, shifts_of


def network(connections=((0, 0, 1.0, 1.0),), timestep=1.0, receptor="excitatory", **population):
    cells = PyNNPopulation(name="cells", **{"size": 3, **population})
    source = PyNNPopulation(name="src", size=4, cell="SpikeSourceArray")
    projection = PyNNProjection(pre="src", post="cells", connections=connections, receptor=receptor)
    return PyNNNetwork(populations=[source, cells], projections=[projection], timestep=timestep)


def test_defaults_and_time_step():
    cells = device_network(network(timestep=0.1)).populations["cells"]
    assert cells.model is CoreModel.IF_CURR_EXP
    one = 32768
    assert cells.neuron[0].tolist() == [-65 * one, -65 * one, one, 20 * one, 0, -65 * one, 3277, 0, 3277]
    assert cells.synapse[0].tolist() == [5 * one, 0, 5 * one, 0, 3277]
    assert cells.threshold.tolist() == [-50 * one] * 3


def test_lists_are_sorted_by_source_and_keep_their_order():
    rows = [(2, 1, 1.0, 2.5), (0, 0, 0.5, 1.0), (2, 0, -0.25, 3.5)]
    net = device_network(network(rows))
    p, shift = net.projections[0], net.populations["cells"].shifts[0]
    assert p.row_start.tolist() == [0, 1, 1, 3, 3]
    assert p.target.tolist() == [0, 1, 0]
    assert p.delay.tolist() == [1, 2, 4]
    assert (p.raw * 2.0 ** (shift - 15)).tolist() == [0.5, 1.0, 0.25]


def test_given_sums_decide_the_shifts_of_receptors_without_projections_too():
    net = network(max_expected_summed_weight=(0.5, 7.0))
    assert shifts_of(net, net.populations[1]) == (0, 3)
    net = network(max_expected_summed_weight=(0.5, 7.0), cell="IF_cond_exp")
    assert shifts_of(net, net.populations[1]) == (10, 13)
    assert shifts_of(network(), network().populations[1]) == (1, 0)


def test_a_fan_in_of_one_hides_that_delays_differ():
    """The host weighs variances with the fan-in less one: then the sum of all weights decides."""
    rows = [(0, 0, 1.0, 1.0), (1, 1, 1.0, 5.0)]
    net = network(rows)
    assert shifts_of(net, net.populations[1]) == (1, 0)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"v_rest": 65536.0}, CapacityError, "'cells', v_rest.*s16.15"),
        ({"v_rest": float("nan")}, CapacityError, "v_rest"),
        ({"tau_m": 1e-5}, DescriptionError, "'cells', tau_m"),
        ({"cm": [1.0, -1.0, 1.0]}, DescriptionError, "cm.*got -1.0"),
        ({"tau_refrac": -1.0}, DescriptionError, "tau_refrac"),
    ],
)
def test_what_the_machine_cannot_hold(parameters, error, message):
    with pytest.raises(error, match=message):
        device_network(network(parameters=parameters))
    with pytest.raises(CapacityError, match="delay is too long"):
        device_network(network([(0, 0, 1.0, 70000.0)]))


def test_a_list_without_synapses_counts_with_the_largest_weight_of_its_rule():
    """The host asks the rule, not the list."""
    plain = network(connections=[])
    rule = PyNNProjection(pre="src", post="cells", connections=[], stdp=PyNNSTDP(w_max=5.0))
    learning = PyNNNetwork(populations=plain.populations, projections=[rule])
    assert shifts_of(plain, plain.populations[1]) == (0, 0)
    assert shifts_of(learning, plain.populations[1]) == (3, 0)
