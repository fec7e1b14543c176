"""What an emulated machine learns: against the engine with the machine's conventions, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll, OneToOne
from neurosim.engine.lower import lower
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.errors import FileFormatError, UnsupportedError
from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection, PyNNSTDP, compile_pynn
from neurosim.hardware.spinnaker.emulator.learned_weights import learned_weights
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF
from neurosim.plasticity import (
    STDP,
    DelaySite,
    Delivered,
    Dependence,
    MirroredSTDP,
    SameStep,
    WeightUpdate,
)
from neurosim.spikes import Spikes

DT, STEPS, SIZE = 1e-3, 600, 40
CONVENTION = {
    "a_plus": 0.002,
    "a_minus": 0.0022,
    "delay_site": DelaySite.DENDRITIC,
    "same_step": SameStep.DEPRESSING,
    "weight_update": WeightUpdate.AT_PRESYNAPTIC,
    "delivered": Delivered.AFTER,
}
RULES = {
    "additive": STDP(w_min=0.0, w_max=0.05, **CONVENTION),
    "multiplicative": STDP(w_min=0.0, w_max=0.05, dependence=Dependence.MULTIPLICATIVE, **CONVENTION),
    "mirrored": MirroredSTDP(w_min=-0.05, w_max=0.0, **CONVENTION),
}


def network(rule):
    """Sources that learn, and a teacher that makes each neuron fire; two projections with the same rule."""
    rng = np.random.default_rng(3)
    sign = -1 if isinstance(rule, MirroredSTDP) else 1
    net = Network(dt=DT, seed=1)
    net.input("in", 30)
    net.input("teacher", SIZE)
    model = LIF(tau_membrane=20e-3, refractory=2e-3)
    if rule is RULES["multiplicative"]:  # there is a program for currents alone
        model = CurrentLIF(tau_membrane=20e-3, tau_synapse=1e-3, resistance=32.0, refractory=2e-3)
    net.population("cells", SIZE, model)
    for name, share in (("first", 1.0), ("second", 0.2)):
        weight = sign * rng.uniform(0, 0.02, (30, SIZE)) * (rng.random((30, SIZE)) < share)
        delay = rng.integers(1, 6, (30, SIZE)) * DT
        net.connect("in", "cells", AllToAll(), weight=weight, delay=delay, plasticity=rule, name=name)
    net.connect("teacher", "cells", OneToOne(), weight=1.5, delay=DT)
    net.connect("cells", "cells", AllToAll(), weight=-0.01, delay=2 * DT)
    net.output("cells")
    inputs = {
        name: Spikes.from_dense((rng.random((STEPS, 2, n)) < 0.03).astype(np.float32), dt=DT)
        for name, n in (("in", 30), ("teacher", SIZE))
    }
    return net, inputs


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_network_learns_what_it_learns_in_the_engine(rule, tmp_path):
    """Three cores. Rounding down makes magnitudes smaller by up to one unit for each spike of the source;
    truncated tables and the first rounding add less than two units. Synapses of neurons that fired otherwise, for a
    step at least, are left out."""
    net, inputs = network(rule)
    build = hardware.compile(net, hardware.SpiNNaker(atoms_per_core=16), calibration=inputs)
    build.save(tmp_path / "b")
    ours = hardware.load(tmp_path / "b").emulate(inputs)
    theirs = simulate(net, inputs, record={"cells": Record("spikes")})
    fired = [r["cells"].spikes.dense() for r in (ours, theirs)]
    same = np.all(fired[0] == fired[1], axis=0)  # [samples, neurons]
    assert fired[1].sum() > 1000
    assert same.mean() > 0.95
    sent = inputs["in"].dense().sum(axis=0)
    for p in lower(net).projections[:2]:
        unit = abs(build.manifest.settings["plastic"][p.name]["unit"])
        got, expected = np.abs(ours.weights[p.name]), np.abs(theirs.weights[p.name])
        error = (got - expected) / unit
        here = same[:, p.target]
        assert np.all((error < 2)[here])
        assert np.all((error > -2 - sent[:, p.pre_index])[here])
        assert np.abs(expected - np.abs(build.weights[p.name])).mean() > 20 * unit  # it learned


def test_weights_come_in_the_order_of_the_plan(tmp_path):
    """Without spikes they are what was sent: several cores, two projections between the same populations."""
    net, _ = network(RULES["additive"])
    build = hardware.compile(net, hardware.SpiNNaker(atoms_per_core=16))
    build.save(tmp_path / "b")
    recording = hardware.load(tmp_path / "b").emulate({}, duration=5 * DT)
    for name in ("first", "second"):
        np.testing.assert_allclose(recording.weights[name][0], build.weights[name], rtol=1e-12)


def test_weights_behind_a_delay_extension(tmp_path):
    rng = np.random.default_rng(5)
    i, j = np.nonzero(rng.random((64, 64)) < 0.3)
    table = np.stack([i, j, rng.uniform(0, 1, len(i)), rng.integers(1, 300, len(i))], axis=1)
    cells = [
        PyNNPopulation(name="src", size=64, cell="SpikeSourceArray", atoms_per_core=32),
        PyNNPopulation(name="cells", size=64, atoms_per_core=32),
    ]
    net = PyNNNetwork(
        populations=cells,
        projections=[PyNNProjection(pre="src", post="cells", connections=table, stdp=PyNNSTDP(), name="p")],
    )
    build = compile_pynn(net, allow=tuple(LossKind))  # delays of 128 and 256 steps never deliver
    build.save(tmp_path / "b")
    recording = hardware.load(tmp_path / "b").emulate({}, duration=5 * DT)
    order = np.lexsort((table[:, 1], table[:, 3], table[:, 0]))
    np.testing.assert_allclose(recording.weights["p"][0], build.weights["p"][order], rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"x": {"post": "cells"}}, "projection 'x'"),
        ({"x": {"post": "cells", "unit": 1.0, "blocks": [float("inf")]}}, "projection 'x'"),
        ([], "not a table"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(FileFormatError, match=message):
        learned_weights(None, [], settings)


def test_no_program_multiplies_where_weights_are_jumps():
    net = Network(dt=DT, seed=1)
    net.input("in", 3)
    net.population("cells", 2, LIF(tau_membrane=20e-3))
    net.connect("in", "cells", AllToAll(), weight=0.01, delay=DT, plasticity=RULES["multiplicative"])
    with pytest.raises(UnsupportedError, match=r"population 'cells'.*ADDITIVE"):
        hardware.compile(net, hardware.SpiNNaker())
