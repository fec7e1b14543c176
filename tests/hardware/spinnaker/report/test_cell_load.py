"""Sums of ring-buffer cells: by hand, against scipy's Poisson distribution, and against the machine's own counts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation
from neurosim.hardware.spinnaker.numerics.arithmetic import decay, to_float
from neurosim.hardware.spinnaker.numerics.derived_constants import derive
from neurosim.hardware.spinnaker.numerics.pair_rule import pair_rule
from neurosim.hardware.spinnaker.report.cell_load import cell_load, sampled
from neurosim.spikes import Spikes

VECTORS = sorted(Path(os.environ.get("NEUROSIM_REFERENCE", "-"), "spinnaker").glob("net_*.npz"))

SATURATED = {"cond": 91, "saturate": 431}
"""Cells in which a ring buffer saturated in 300 steps of the reference runs, as counted there."""


@pytest.fixture
def network(make_population, make_projection):
    synapses = [
        (0, 0, 30000, 1), (0, 1, 40000, 1), (0, 2, 65535, 1),
        (1, 0, 30000, 1), (1, 1, 30000, 2),
        (2, 0, 30000, 3),
    ]  # fmt: skip
    populations = {
        "in": DevicePopulation(name="in", size=3, atoms=3),
        "out": make_population("out", 4, 4, shifts=(2, 0)),
    }
    return DeviceNetwork(populations=populations, projections=(make_projection("in", "out", synapses, 3),))


def test_which_neurons_can_saturate_and_from_how_many_synapses(network):
    exc, inh = cell_load(network, "out", rate=30.0, dt=1e-3)
    assert (exc.largest, exc.neuron, exc.neurons, exc.shift) == (90000, 0, 2, 2)
    assert exc.fewest == 2  # neuron 1; neuron 0 needs three, neuron 2 just fits
    assert (inh.largest, inh.neurons, inh.fewest, inh.expected) == (0, 0, None, 0.0)


def test_a_source_has_no_cells(network):
    assert cell_load(network, "in", rate=30.0, dt=1e-3) == ()


def test_equal_weights_give_the_poisson_tail(make_population, make_projection):
    populations = {
        "in": DevicePopulation(name="in", size=50, atoms=50),
        "out": make_population("out", 1, 1),
    }
    p = make_projection("in", "out", [(i, 0, 20000, 1) for i in range(50)], 50)
    exc, _ = cell_load(DeviceNetwork(populations=populations, projections=(p,)), "out", rate=40.0, dt=1e-3)
    assert exc.expected == pytest.approx(1000 * stats.poisson.sf(3, 50 * 0.04))  # 3 of them fit


def test_unequal_weights_come_close(make_population, make_projection):
    """Drawn arrivals; the scaled Poisson has their mean and variance, and its tail is within a third."""
    rng = np.random.default_rng(3)
    raw = rng.integers(2000, 12000, 100)
    populations = {
        "in": DevicePopulation(name="in", size=100, atoms=100),
        "out": make_population("out", 1, 1),
    }
    p = make_projection("in", "out", [(i, 0, w, 1) for i, w in enumerate(raw)], 100)
    exc, _ = cell_load(DeviceNetwork(populations=populations, projections=(p,)), "out", rate=50.0, dt=1e-3)
    sums = rng.poisson(0.05, (40000, 100)) @ raw
    assert exc.expected / 1000 == pytest.approx((sums > 65535).mean(), rel=0.33)


def test_the_largest_value_is_where_full_cells_lead_to(network):
    """The core's own integers, 200 steps with every cell full (tau 5 ms: converged)."""
    exc, _ = cell_load(network, "out", rate=30.0, dt=1e-3)
    p = network.populations["out"]
    constants, _ = derive(p.model, p.neuron, p.inputs, p.threshold, p.synapse)
    value = 0
    for _ in range(200):
        value = int(decay(value, int(constants.decay_exc[0])))
        value += int(decay(65535 << 2, int(constants.init_exc[0])))
    assert exc.value == pytest.approx(float(to_float(value)), rel=1e-4)
    assert exc.wraps == 0


def test_long_memory_wraps(make_population, make_projection):
    populations = {
        "in": DevicePopulation(name="in", size=1, atoms=1),
        "out": make_population("out", 2, 2, shifts=(10, 10), tau=50.0),
    }
    p = make_projection("in", "out", [(0, 0, 65535, 1), (0, 1, 30000, 1)], 1)
    exc, _ = cell_load(DeviceNetwork(populations=populations, projections=(p,)), "out", rate=1.0, dt=1e-3)
    assert exc.value == pytest.approx(2048 * 50.0, rel=1e-4)  # a full cell, tau / dt times
    assert exc.wraps == 1  # the other stays at 30000 / 65536 of it, 47 000


def test_learning_may_fill_cells(make_population, make_projection):
    """Two synapses of 100 that may grow to 40000 each."""
    rule = pair_rule(
        tau_plus=20.0, tau_minus=20.0, a_plus=0.1, a_minus=0.1, w_min=0.0, w_max=40000 * 2.0**-13, time_step=1.0
    )  # fmt: skip
    populations = {
        "in": DevicePopulation(name="in", size=2, atoms=2),
        "out": replace(make_population("out", 1, 1, shifts=(2, 0)), rule=rule),
    }
    p = make_projection("in", "out", [(0, 0, 100, 1), (1, 0, 100, 1)], 2)
    for plastic, largest, fewest in ((False, 200, None), (True, 80000, 2)):
        network = DeviceNetwork(populations=populations, projections=(replace(p, plastic=plastic),))
        exc, _ = cell_load(network, "out", rate=30.0, dt=1e-3)
        assert (exc.largest, exc.fewest) == (largest, fewest)


def test_spikes_are_added_up_where_they_arrive(network):
    """All three arrive at neuron 0 in step 5; of neuron 1's pair only when the delays make them meet."""
    step, neuron = np.array([2, 3, 4, 4]), np.array([2, 1, 0, 1])
    spikes = Spikes(np.zeros(4, int), step, neuron, shape=3, dt=1e-3, steps=8)
    exc, inh = sampled(network, "out", {"in": spikes})
    # neuron 0 gets 30000 in steps 4, 5 and 5 (from 0 and 1), and in 5 (2 sent at 2)
    assert (exc.steps, exc.cells, exc.neurons) == (8, 2, 2)
    assert exc.largest == 90000
    assert (inh.cells, inh.largest) == (0, 0)


def test_chunks_and_samples_do_not_matter(network, monkeypatch):
    rng = np.random.default_rng(1)
    spikes = Spikes.from_dense(rng.random((60, 3, 3)) < 0.4, dt=1e-3)
    whole = sampled(network, "out", {"in": spikes})
    monkeypatch.setattr("neurosim.hardware.spinnaker.report.cell_load._CHUNK", 40)
    assert sampled(network, "out", {"in": spikes}) == whole
    parts = [sampled(network, "out", {"in": spikes.select([b])})[0] for b in range(3)]
    assert whole[0].cells == sum(p.cells for p in parts) > 0


@pytest.mark.reference
@pytest.mark.parametrize("path", VECTORS, ids=lambda p: p.stem)
def test_it_counts_what_the_firmware_counted(path, reference_network):
    """The machine's recorded spikes against the cells that the unmodified firmware saturated in the same run."""
    reference = reference_network(path)
    if reference.name not in SATURATED:
        pytest.skip("the number of saturated cells is not known")
    network = reference.device
    with np.load(path) as file:
        spikes = {n: Spikes.from_dense(file[f"spikes_{n}"][:, None, :], dt=1e-3) for n in network.populations}
    found = [
        s for n, p in network.populations.items() if p.model is not None for s in sampled(network, n, spikes)
    ]
    assert sum(s.cells for s in found) == SATURATED[reference.name]
