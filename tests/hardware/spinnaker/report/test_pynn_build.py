"""The report of a network in PyNN's terms: rounding of its lists, and the cells that its emulated run saturates."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware import Overflow, load
from neurosim.hardware.spinnaker.compile.compile_pynn import compile_pynn
from neurosim.hardware.spinnaker.pynn.network import PyNNNetwork, PyNNPopulation, PyNNProjection
from neurosim.loss_report import LossKind


def make(weight, largest_sum, n=40, size=6):
    """Sources that each reach every neuron; the shift is that of ``largest_sum``."""
    rng = np.random.default_rng(0)
    table = [(i, j, weight * (1 + 0.1 * (i % 3)), 1 + (i + j) % 4) for i in range(n) for j in range(size)]
    times = [np.flatnonzero(rng.random(60) < 0.2).tolist() for _ in range(n)]
    source = PyNNPopulation(name="src", size=n, cell="SpikeSourceArray", parameters={"spike_times": times})
    neurons = PyNNPopulation(name="exc", size=size, max_expected_summed_weight=(largest_sum, 0.0))
    projection = PyNNProjection(pre="src", post="exc", connections=table, name="list")
    return PyNNNetwork(populations=(source, neurons), projections=(projection,))


def test_rounding_by_hand():
    (row,) = compile_pynn(make(0.1, 1.5)).analyse().weights
    unit = 2.0**-14  # shift 1
    weights = 0.1 * np.array([1.0, 1.1, 1.2])
    errors = np.abs(weights - np.rint(weights / unit) * unit)
    assert (row.projection, row.receptor, row.synapses, row.unit) == ("list", 0, 240, unit)
    assert row.largest == pytest.approx(errors.max())


def test_weights_that_wrap_are_counted():
    (row,) = compile_pynn(make(3.7, 1.5), allow=list(LossKind)).analyse().weights
    assert row.wrapped == 26 * 6  # 3.7 fits a cell of 4, 4.07 and 4.44 do not
    assert row.largest == pytest.approx(4.0, abs=2.0**-14)


def test_an_emulated_run_saturates_the_cells_that_its_spikes_predict(tmp_path):
    network = make(0.27, 1.5)
    build = compile_pynn(network)
    build.save(tmp_path / "build")
    inputs = network.inputs(60)
    run = load(tmp_path / "build").emulate(inputs, overflow=Overflow.AS_CHIP)
    exc, _ = build.analyse(spikes={**inputs, "exc": run["exc"].spikes}).sampled
    cells = {(e.step, e.neuron) for e in run.events if e.kind == "saturation"}
    assert len(cells) < 32  # as many as the emulator lists of a core
    assert exc.cells == len(cells) > 10
    assert exc.neurons == len({neuron for _, neuron in cells})
