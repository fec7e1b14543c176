"""Populations with two receptors from description to emulated board, against the engine."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity import AllToAll
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.network import Network
from neurosim.neurons import ConductanceLIF, Discretisation, DualCurrentLIF
from neurosim.spikes import Spikes

CURRENTS = DualCurrentLIF(
    tau_excitatory=4e-3, tau_inhibitory=9e-3, threshold=-50.0, v_rest=-65.0, v_reset=-67.0, refractory=3e-3
)
CONDUCTANCES = ConductanceLIF(discretisation=Discretisation.EULER, v_init=np.linspace(-60.0, -51.0, 30))


@pytest.mark.parametrize(
    ("model", "excitation", "inhibition"), [(CURRENTS, 26.0, -12.0), (CONDUCTANCES, 0.35, 0.5)],
    ids=["DualCurrentLIF", "ConductanceLIF"],
)  # fmt: skip
def test_differ_in_few_spikes(model, excitation, inhibition, tmp_path):
    """Decay factors and weights are rounded, so a potential that grazes the threshold may cross it: under 2 %."""
    rng = np.random.default_rng(3)
    net = Network(dt=1e-3)
    net.input("excites", 40)
    net.input("inhibits", 20)
    net.output(net.population("p", 30, model))
    for name, size, strength in (("excites", 40, excitation), ("inhibits", 20, inhibition)):
        weight = (
            rng.uniform(0.0, strength, (size, 30)) if strength > 0 else -rng.uniform(0, -strength, (size, 30))
        )
        receptor = "excitatory" if name == "excites" else "inhibitory"
        net.connect(name, "p", AllToAll(), weight=weight, delay=2e-3, receptor=receptor)
    trains = {
        n: (rng.random((500, 1, k)) < 0.02).astype(np.float32) for n, k in (("excites", 40), ("inhibits", 20))
    }
    inputs = {name: Spikes.from_dense(x, dt=1e-3) for name, x in trains.items()}
    hardware.compile(net, hardware.SpiNNaker(atoms_per_core=16), calibration=inputs).save(tmp_path / "build")
    record = {"p": Record("spikes", "v")}
    device = hardware.load(tmp_path / "build").emulate(inputs, record=record)["p"]
    engine = simulate(net, inputs, record=record)["p"]
    ours, theirs = device.spikes.dense(), engine.spikes.dense()
    assert theirs.sum() > 300
    assert (ours != theirs).sum() <= 0.02 * theirs.sum()
    span = np.ptp(engine.v)
    assert np.median(np.abs(device.v - engine.v)) < 2e-4 * span
