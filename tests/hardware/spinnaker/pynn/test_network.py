"""Networks in PyNN's terms: what is checked, the defaults, the packets of spike sources."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP

SOURCE = PyNNPopulation(
    name="src", size=2, cell="SpikeSourceArray", parameters={"spike_times": [[1.0, 1.0], [0.5]]}
)
CELLS = PyNNPopulation(name="cells", size=3)
LIST = [(0, 0, 1.0, 1.0), (1, 2, 2.0, 3.0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "HH_cond_exp"}, "no known cell"),
        ({"size": 0}, "neuron"),
        ({"parameters": {"tau": 1.0}}, "'cells'.*no such parameter.*tau"),
        ({"parameters": {"e_rev_E": 1.0}}, "no such parameter"),
        ({"parameters": {"cm": [1.0, 2.0]}}, "'cm' has the wrong shape"),
        ({"initial_values": {"w": 1.0}}, "no such initial value"),
        ({"atoms_per_core": 257}, "1 to 256"),
        ({"max_expected_summed_weight": (1.0,)}, "two receptors"),
        ({"cell": "SpikeSourceArray", "parameters": {"spike_times": [[1.0]]}}, "list for each neuron"),
        (
            {"cell": "SpikeSourceArray", "parameters": {"spike_times": [[1.0], [], [np.nan]]}},
            "time is not finite",
        ),
    ],
)
def test_populations_are_checked(change, message):
    with pytest.raises(DescriptionError, match=message):
        PyNNPopulation(**{"name": "cells", "size": 3, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pre": "other"}, "'other->cells excitatory': its pre population"),
        ({"post": "src", "connections": []}, "spike source"),
        ({"connections": [(0, 3, 1.0, 1.0)]}, "neuron that 'cells' does not have"),
        ({"connections": [(0.5, 0, 1.0, 1.0)]}, "neuron"),
        ({"connections": [(0, 0, 1.0)]}, "wrong shape"),
        ({"connections": [(0, 0, np.nan, 1.0)]}, "finite"),
        ({"connections": [(0, 0, 1.0, -1.0)]}, "delay is negative"),
        ({"receptor": "NMDA"}, "no receptor"),
    ],
)
def test_projections_are_checked(change, message):
    def describe():
        p = PyNNProjection(**{"pre": "src", "post": "cells", "connections": LIST, **change})
        PyNNNetwork(populations=[SOURCE, CELLS], projections=[p])

    with pytest.raises(DescriptionError, match=message):
        describe()


def test_a_core_has_one_rule():
    rules = PyNNSTDP(), PyNNSTDP(w_max=2.0)
    projections = [PyNNProjection(pre="src", post="cells", connections=LIST, stdp=rule) for rule in rules]
    with pytest.raises(DescriptionError, match="one rule"):
        PyNNNetwork(populations=[SOURCE, CELLS], projections=projections)


@pytest.mark.parametrize("times", [2.0, [2.0], np.array([2.0]), [[2.0], [2.0]]])
def test_times_without_a_list_for_each_neuron_are_those_of_all(times):
    source = PyNNPopulation(name="src", size=2, cell="SpikeSourceArray", parameters={"spike_times": times})
    net = PyNNNetwork(
        populations=[source, CELLS], projections=[PyNNProjection(pre="src", post="cells", connections=LIST)]
    )
    sent = net.inputs(5)["src"]
    assert (sent.step.tolist(), sent.neuron.tolist()) == ([2, 2], [0, 1])


def test_a_time_asked_for_twice_is_sent_twice():
    net = PyNNNetwork(
        populations=[SOURCE, CELLS], projections=[PyNNProjection(pre="src", post="cells", connections=LIST)]
    )
    spikes = net.inputs(3)["src"]
    assert spikes.dense()[:, 0].tolist() == [[0, 0], [2, 1], [0, 0]]
    assert spikes.dt == 1e-3
    assert PyNNNetwork(populations=[SOURCE, CELLS]).inputs(3) == {}
