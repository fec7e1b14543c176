"""Device numbers of networks in PyNN's terms: words, shifts, weights and delays as the host makes them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError, DescriptionError, LossError
from neurosim.hardware.spinnaker import (
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
    PyNNSTDP,
    compile_pynn,
)
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.pynn.conversion import s1615
from neurosim.hardware.spinnaker.pynn.device_network import device_network, shifts_of
from neurosim.loss_report import LossKind


def network(connections=((0, 0, 1.0, 1.0),), timestep=1.0, receptor="excitatory", **population):
    cells = PyNNPopulation(name="cells", **{"size": 3, **population})
    source = PyNNPopulation(name="src", size=4, cell="SpikeSourceArray")
    projection = PyNNProjection(pre="src", post="cells", connections=connections, receptor=receptor)
    return PyNNNetwork(populations=[source, cells], projections=[projection], timestep=timestep)


@given(st.floats(-65536, 65535.9999) | st.integers(-65536, 65535).map(lambda k: (2 * k + 1) / 65536))
def test_words_round_the_decimal_text(x):
    """The rule of the host: half to even of the text, not of the binary number behind it."""
    assert s1615(x) == round(Decimal(str(x)) * 32768)


def test_the_text_of_a_tie_is_not_always_a_tie():
    """The exact number has more digits than its text, 2000.0001068115234, which lies beside the tie."""
    assert s1615(65536003.5 / 32768) == 65536003 != np.rint(65536003.5)


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


def test_what_the_host_does_in_silence_is_a_loss():
    """4 nA need shift 3; a given sum of 1.5 makes shift 1, whose largest weight is below 4, so 4 becomes 0."""
    net = network([(0, 0, 4.0, 1.0), (1, 0, -1.0, 1.2)], max_expected_summed_weight=(1.5, 0.0))
    with pytest.raises(LossError, match="wrap around"):
        compile_pynn(net)
    losses = compile_pynn(net, allow=tuple(LossKind)).losses
    assert [loss.kind for loss in losses] == [LossKind.CLIPPED, LossKind.DROPPED, LossKind.ROUNDED]
    assert losses[2].amount == pytest.approx(0.2)


def test_a_build_states_real_units(tmp_path):
    from neurosim import hardware
    from neurosim.engine.recording import Record

    source = PyNNPopulation(name="src", size=1, cell="SpikeSourceArray", parameters={"spike_times": [[2.0]]})
    cells = PyNNPopulation(name="cells", size=1, cell="IF_curr_delta", parameters={"cm": 2.0})
    list_ = PyNNProjection(pre="src", post="cells", connections=[(0, 0, 3.0, 2.0)])
    net = PyNNNetwork(populations=[source, cells], projections=[list_])
    build = compile_pynn(net)
    np.testing.assert_array_equal(build.weights["src->cells excitatory"], [3.0])
    build.save(tmp_path / "b")
    run = hardware.load(tmp_path / "b").emulate(net.inputs(8), 8e-3, record={"cells": Record("v")})
    v = run["cells"].v[:, 0, 0]
    assert (v[:4] == -65.0).all()
    assert v[4] == pytest.approx(
        -65 + 3.0 * 10 * (1 - np.exp(-1 / 20)), abs=1e-3
    )  # 3 nA for a step, R = 10 MOhm


def test_plastic_synapses_that_never_deliver_are_a_loss():
    """A delay of 4 steps, the longest, fills a ring buffer of 4 slots, which the machine takes for none."""
    lists = [[0, 0, 1.0, 4.0], [1, 1, 1.0, 3.0]]
    static = network(lists)
    plastic = PyNNProjection(pre="src", post="cells", connections=lists, stdp=PyNNSTDP(w_max=2.0))
    net = PyNNNetwork(populations=static.populations, projections=[plastic])
    with pytest.raises(LossError, match="1 of 2 plastic synapses never deliver"):
        compile_pynn(net)
    compile_pynn(static)
    longer = PyNNProjection(pre="src", post="cells", connections=[[2, 2, 1.0, 5.0]])
    compile_pynn(PyNNNetwork(populations=static.populations, projections=[plastic, longer]))


def test_weights_on_the_machine_keep_the_sign_that_inhibits():
    """Lists may give inhibition with or without a minus; what the machine holds is compared with what was given."""
    rows = [(3, 0, -0.3, 1.0), (0, 1, 0.4, 1.0), (1, 0, -0.2, 1.0)]
    build = compile_pynn(network(rows, receptor="inhibitory"))
    np.testing.assert_allclose(build.weights["src->cells inhibitory"], [-0.3, 0.4, -0.2], atol=2.0**-15)
    (error,) = build.analyse().weights
    assert error.largest <= 2.0**-15
