"""Compiling networks in PyNN's terms: losses, units, signs. Whole networks are in test_reference_networks.py."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import LossError
from neurosim.hardware.spinnaker import (
    PyNNNetwork,
    PyNNPopulation,
    PyNNProjection,
    PyNNSTDP,
    compile_pynn,
)
from neurosim.loss_report import LossKind


def network(connections=((0, 0, 1.0, 1.0),), timestep=1.0, receptor="excitatory", **population):
    cells = PyNNPopulation(name="cells", **{"size": 3, **population})
    source = PyNNPopulation(name="src", size=4, cell="SpikeSourceArray")
    projection = PyNNProjection(pre="src", post="cells", connections=connections, receptor=receptor)
    return PyNNNetwork(populations=[source, cells], projections=[projection], timestep=timestep)


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
