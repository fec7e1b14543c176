"""The folder that a build's report is written to, for targets with and without a report of their own."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import lower
from neurosim.errors import TimeGridError, UnsupportedError
from neurosim.hardware import Crossbar, SpiNNaker, compile
from neurosim.hardware.spinnaker.report import SpiNNakerReport

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def network():
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", (2, 3))
    net.input("unused", 2)
    net.population("a", 20, ns.LIF(tau_membrane=20e-3, threshold=1.0))
    net.connect("in", "a", ns.AllToAll(), weight=ns.Normal(0.0, 0.1), delay=0.0)
    net.output("a")
    return net


@pytest.fixture(scope="module")
def build(network):
    return compile(network, SpiNNaker())


def test_spinnaker_has_a_report_of_its_own(build, tmp_path):
    page, numbers = build.write_report(tmp_path, rate=10.0)
    text, values = page.read_text(), json.loads(numbers.read_text())
    for heading in ("What fits where", "Saturation", "Links", "Energy", "Losses"):
        assert f"<h2>{heading}</h2>" in text
    assert "Not part of this run" not in text
    assert not re.search(r'(src|href)="(?!#|data:)', text)
    report = SpiNNakerReport.from_json(values["spinnaker"])
    assert report.rate == 10.0
    assert report == build.analyse(rate=10.0)
    assert str(build.analyse()) in build.report()


def test_weights_of_both_signs_are_two_rows(network, build):
    rows = build.analyse().weights
    assert [(w.projection, w.receptor) for w in rows] == [("in->a", 0), ("in->a", 1)]
    assert sum(w.synapses for w in rows) == 120
    wanted, held = lower(network).projections[0].weight, build.weights["in->a"]
    assert max(w.largest for w in rows) == pytest.approx(np.abs(wanted - held).max())
    assert all(w.largest <= w.unit / 2 * (1 + 1e-6) for w in rows)


def test_spikes_are_those_of_the_network(build):
    """In network time and with the network's shapes; inputs that have no core are of no interest."""
    x = np.zeros((10, 1, 2, 3))
    x[4] = 1
    given = {
        "in": ns.Spikes.from_dense(x, dt=1e-3),
        "unused": ns.Spikes.from_dense(np.zeros((10, 1, 2)), dt=1e-3),
    }
    report = build.analyse(spikes=given, rate=0.0)
    steps = 10 + build.manifest.max_lag
    assert report.traffic.sent == pytest.approx(6 / steps)
    assert report.sampled[0].largest == report.cells[0].largest  # all at once is the worst there is
    with pytest.raises(TimeGridError):
        build.analyse(spikes={"in": ns.Spikes.from_dense(x, dt=2e-3)})


def test_the_calibration_sample_is_taken_if_there_is_one(network):
    """Shifts are chosen for twice its largest sums, so it fills no cell; its packets are those that are counted."""
    x = np.random.default_rng(0).random((30, 2, 2, 3)) < 0.1
    build = compile(network, SpiNNaker(), calibration={"in": ns.Spikes.from_dense(x, dt=1e-3)})
    report = build.analyse()
    assert report.traffic.basis == "of the calibration sample"
    steps = 30 + build.manifest.max_lag
    assert report.traffic.sent == pytest.approx(x.sum() / 2 / steps)
    assert 0 < max(s.largest for s in report.sampled) <= 65535 / 2
    assert build.analyse(rate=5.0).sampled == ()


def test_other_targets_show_what_they_have(network, tmp_path):
    build = compile(network, Crossbar())
    with pytest.raises(UnsupportedError, match="crossbar"):
        build.analyse()
    page, numbers = build.write_report(tmp_path)
    assert "<h2>Losses</h2>" in page.read_text()
    assert json.loads(numbers.read_text())["usage"]["crossbar"]
