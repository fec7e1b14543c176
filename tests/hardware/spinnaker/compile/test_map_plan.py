"""Builds: what is reported, what is refused, and that refusing writes nothing."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity import AllToAll, FixedProbability, OneToOne
from neurosim.connectivity.distributions import Normal, Uniform
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF, Reset, ResetTiming
from neurosim.plasticity import STDP


def network(size=300, model=None, weight=0.1, delay=1e-3, inputs=100):
    net = Network(dt=1e-3, seed=0)
    net.input("in", inputs)
    net.population("a", size, model or LIF())
    net.connect("in", "a", FixedProbability(0.1), weight=weight, delay=delay)
    net.output("a")
    return net


def test_a_build_reports_what_it_takes():
    build = hardware.compile(network(), hardware.SpiNNaker(atoms_per_core=100))
    usage = {u.resource: u for u in build.usage}
    assert usage["cores"].used == 4
    assert usage["cores"].limit == 759
    assert usage["synapses"].used > 2000
    assert [s.label for s in build.layout] == ["in(0:99)", "a(0:99)", "a(100:199)", "a(200:299)"]
    assert {(s.x, s.y) for s in build.layout} == {(0, 0)}
    assert usage["power of the chips in use, W"].used == pytest.approx(0.35 + 4 * 0.034)
    text = build.report()
    assert "IF_CURR_DELTA" in text
    assert "router entries" in text


def test_weights_report_their_rounding():
    rng = np.random.default_rng(0)
    net = Network(dt=1e-3, seed=0)
    net.input("in", 30)
    net.population("a", 40, LIF())
    net.connect("in", "a", AllToAll(), weight=rng.normal(0.1, 0.05, (30, 40)), delay=1e-3)
    net.output("a")
    losses = [
        x for x in hardware.compile(net, hardware.SpiNNaker()).losses if x.where == "projection 'in->a'"
    ]
    assert [x.kind for x in losses] == [LossKind.ROUNDED]
    assert 1e-5 < losses[0].amount < 1e-3  # sums of 30 weights in 16 bits


def test_exact_weights_report_no_loss():
    losses = hardware.compile(network(weight=0.125), hardware.SpiNNaker()).losses
    assert not [x for x in losses if x.where.startswith("projection")]


def test_calibration_refines_weights():
    net = network(weight=Normal(0.1, 0.02))
    x = np.zeros((50, 1, 100), np.float32)
    x[::7, 0, ::40] = 1
    coarse = hardware.compile(net, hardware.SpiNNaker())
    fine = hardware.compile(net, hardware.SpiNNaker(), calibration={"in": x})
    error = [next(x.amount for x in b.losses if x.where == "projection 'in->a'") for b in (coarse, fine)]
    assert error[1] < 0.6 * error[0]


def test_population_and_files(tmp_path):
    build = hardware.compile(network(), hardware.SpiNNaker())
    build.save(tmp_path / "b")
    assert {p.name for p in (tmp_path / "b").iterdir()} == {
        "manifest.json", "vertices.json", "cores.npz", "routing.npz", "run.py", "pynn.npz",
    }  # fmt: skip
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert (manifest["target"], manifest["profile"]) == ("spinnaker", "spinn5")
    image = read_image(tmp_path / "b")
    assert [v.population for v in image.vertices] == ["in", "a", "a"]


def test_inputs_without_synapses_take_no_core(tmp_path):
    net = network()
    net.input("unused", 5)
    build = hardware.compile(net, hardware.SpiNNaker())
    build.save(tmp_path / "b")
    assert "unused" not in {v.population for v in read_image(tmp_path / "b").vertices}
    hardware.load(tmp_path / "b").emulate({"unused": np.ones((3, 1, 5), np.float32)})


def test_a_population_without_input_runs(tmp_path):
    net = Network(dt=1e-3, seed=0)
    net.population("a", 3, LIF(current=2.0))
    net.output("a")
    hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    spikes = hardware.load(tmp_path / "b").emulate({}, 0.1)["a"].spikes
    assert spikes.counts().tolist() == [[7] * 3]  # 20 ms ln 2 = 13.9: a spike every 14 steps


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (network(size=200_000, inputs=2), r"783 cores.*759 cores"),
        (network(delay=Uniform(1e-3, 2.0)), r"'in->a'.*1023 steps"),
        (network(weight=1e9), "no range of s16.15"),
    ],
    ids=["cores", "delay", "weight"],
)
def test_what_does_not_fit_is_refused(net, message, tmp_path):
    with pytest.raises(CapacityError, match=message):
        hardware.compile(net, hardware.SpiNNaker()).save(tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "model",
    [LIF(reset=Reset.BY_SUBTRACTION), LIF(reset_timing=ResetTiming.NEXT_STEP)],
    ids=["subtract", "next step"],
)
def test_what_it_cannot_do_is_refused(model, tmp_path):
    with pytest.raises(UnsupportedError, match=r"population 'a'.*Use Reset"):
        hardware.compile(network(model=model), hardware.SpiNNaker()).save(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_plastic_synapses_are_refused():
    net = Network(dt=1e-3, seed=0)
    net.input("in", 3)
    net.population("a", 3, LIF())
    net.connect("in", "a", OneToOne(), weight=0.5, delay=1e-3, plasticity=STDP())
    net.output("a")
    with pytest.raises(UnsupportedError, match=re.escape("'in->a'")):
        hardware.compile(net, hardware.SpiNNaker())
