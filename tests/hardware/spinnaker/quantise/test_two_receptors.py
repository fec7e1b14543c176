"""Populations with two receptors from description to emulated board, against the engine."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity import AllToAll
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.network import Network
from neurosim.neurons import ConductanceLIF, Discretisation, DualCurrentLIF
from neurosim.spikes import Spikes

CURRENTS = DualCurrentLIF(
    tau_excitatory=4e-3, tau_inhibitory=9e-3, threshold=-50.0, v_rest=-65.0, v_reset=-67.0, refractory=3e-3
)
CONDUCTANCES = ConductanceLIF(discretisation=Discretisation.EULER, v_init=np.linspace(-60.0, -51.0, 30))


MODELS = pytest.mark.parametrize(
    ("model", "excitation", "inhibition"), [(CURRENTS, 26.0, -12.0), (CONDUCTANCES, 0.35, 0.5)],
    ids=["DualCurrentLIF", "ConductanceLIF"],
)  # fmt: skip
SOURCES = {"excites": 40, "inhibits": 20}


def compiled(model, strengths, folder):
    """The network, its inputs, and its build in a folder: two sources, one population on two cores."""
    rng = np.random.default_rng(3)
    net = Network(dt=1e-3)
    for name, size in SOURCES.items():
        net.input(name, size)
    net.output(net.population("p", 30, model))
    for (name, size), receptor, strength in zip(SOURCES.items(), model.RECEPTORS, strengths, strict=True):
        weight = rng.uniform(0.0, 1.0, (size, 30)) * strength
        net.connect(name, "p", AllToAll(), weight=weight, delay=2e-3, receptor=receptor)
    trains = {n: (rng.random((500, 1, k)) < 0.02).astype(np.float32) for n, k in SOURCES.items()}
    inputs = {name: Spikes.from_dense(x, dt=1e-3) for name, x in trains.items()}
    hardware.compile(net, hardware.SpiNNaker(atoms_per_core=16), calibration=inputs).save(folder)
    return net, inputs


@MODELS
def test_differ_in_few_spikes(model, excitation, inhibition, tmp_path):
    """Decay factors and weights are rounded, so a potential that grazes the threshold may cross it: under 2 %."""
    net, inputs = compiled(model, (excitation, inhibition), tmp_path / "build")
    record = {"p": Record("spikes", "v")}
    device = hardware.load(tmp_path / "build").emulate(inputs, record=record)["p"]
    engine = simulate(net, inputs, record=record)["p"]
    ours, theirs = device.spikes.dense(), engine.spikes.dense()
    assert theirs.sum() > 300
    assert (ours != theirs).sum() <= 0.02 * theirs.sum()
    span = np.ptp(engine.v)
    assert np.median(np.abs(device.v - engine.v)) < 2e-4 * span


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
@MODELS
def test_spynnaker_writes_the_same_memory(model, excitation, inhibition, script_image, same_words, tmp_path):
    compiled(model, (excitation, inhibition), tmp_path / "build")
    assert same_words(script_image(tmp_path / "build"), read_image(tmp_path / "build")) > 1000
