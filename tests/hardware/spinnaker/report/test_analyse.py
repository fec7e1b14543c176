"""The whole report of a network placed by hand on three chips."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.report.analyse import analyse
from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport
from neurosim.hardware.spinnaker.report.weight_error import weight_error
from neurosim.spikes import Spikes


@pytest.fixture
def report(on_three_chips):
    weights = [weight_error("in to out", 0, np.array([0.5]), np.array([0.5]), 2.0**-12)]
    return analyse(on_three_chips, read_limits(), dt=1e-3, step=1e-3, weights=weights)


def test_headroom(report):
    found = {h.limit: (h.used, h.most, h.where) for h in report.headroom}
    limits = read_limits()
    assert found["cores"] == (3, 759, "")  # 15 on (0, 0), 16 on 39 chips, 15 on the eight with 17 processors
    assert found["chips"] == (3, 48, "")
    assert found["boards"][0] == 1
    assert found["SDRAM of a chip, B"] == (2000, limits["sdram_bytes"], "chip (2, 0)")
    assert found["SDRAM of a core, B"] == (2000, limits["sdram_bytes"], "out(0:2)")
    assert found["router entries of a chip"][:2] == (3, 1023)
    assert found["neurons of a core"] == (3, 256, "out(0:2)")
    assert found["synapses of a row"] == (3, 256, "out to out")  # the last of equals
    assert found["delay slots"] == (6, 2048, "out")  # 14 bits less two of neurons and one of receptors
    assert found["bits of a key"][0] == 1 + 1 + 2 + 4  # population, core, atom, colour
    assert found["packets of a link in a step"][:2] == (pytest.approx(0.12), 6250.0)


def test_what_is_where(report):
    assert [(p.name, p.program, p.cores, p.atoms, p.slots_used) for p in report.populations] == [
        ("in", "spike source", 1, 4, 0),
        ("out", "IF_CURR_EXP", 2, 3, 6),
    ]
    assert [(c.label, c.kind, c.x, c.y, c.p, c.sdram) for c in report.cores] == [
        ("in(0:3)", "source", 0, 0, 3, 100),
        ("out(0:2)", "neurons", 2, 0, 4, 2000),
        ("out(3:5)", "neurons", 1, 1, 5, 1000),
    ]
    assert {(c.x, c.y): (c.cores, c.sdram, c.entries, c.uncompressed) for c in report.chips} == {
        (0, 0): (1, 100, 1, 1),
        (1, 0): (0, 0, 0, 0),  # packets pass by default
        (1, 1): (1, 1000, 2, 2),
        (2, 0): (1, 2000, 3, 4),
        (2, 1): (0, 0, 1, 1),
    }


def test_traffic_and_energy_at_the_assumed_rate(report):
    """Four, three and three neurons at 30 spikes a second; 24 and 9 synapses of the two projections that send."""
    t, e = report.traffic, report.energy
    assert t.sent == pytest.approx(0.3)
    visits = 0.12 * 4 + 0.09 * 3 + 0.09
    assert t.visits == pytest.approx(visits)
    assert (e.boards, e.chips, e.cores) == (26.84, pytest.approx(1.05), pytest.approx(0.102))
    assert e.packets == pytest.approx(visits * 1000 * 1e-9)
    assert e.total == pytest.approx(26.84 + 0.102 + visits * 1e-6)
    assert e.total_of_chips == pytest.approx(1.152 + visits * 1e-6)
    assert e.joules_per_step == pytest.approx(e.total * 1e-3)
    assert e.joules_per_event == pytest.approx(e.joules_per_step / (0.03 * (24 + 9)))


def test_given_spikes_replace_the_rate(on_three_chips):
    dense = np.zeros((10, 2, 4))
    dense[3, 0] = 1
    dense[4, 1, 2] = 1
    given = {"in": Spikes.from_dense(dense, dt=1e-3)}
    report = analyse(on_three_chips, read_limits(), dt=1e-3, step=1e-3, spikes=given)
    assert report.traffic.sent == pytest.approx(5 / 20 + 0.18)
    assert "of out" in report.traffic.basis
    assert [(s.population, s.receptor, s.steps, s.cells, s.largest) for s in report.sampled] == [
        ("out", 0, 20, 0, 10 + 11 + 12 + 13),
        ("out", 1, 20, 0, 0),
    ]


def test_spikes_must_be_of_the_network(on_three_chips):
    spikes = {"other": Spikes.from_dense(np.zeros((1, 1, 4)), dt=1e-3)}
    with pytest.raises(DescriptionError, match="'other'"):
        analyse(on_three_chips, read_limits(), dt=1e-3, step=1e-3, spikes=spikes)


def test_json_and_back(report):
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert SpiNNakerReport.from_json(values) == report


@pytest.mark.parametrize(
    "damage",
    [
        lambda v: v.update(format=99),
        lambda v: v.pop("chips"),
        lambda v: v["cores"][0].update(x="0"),
        lambda v: v["cores"][0].update(more=1),
        lambda v: v["populations"][0].update(shifts=[1]),
        lambda v: v.update(energy=None),
    ],
)
def test_damaged_json_is_refused(report, damage):
    values = json.loads(json.dumps(report.to_json()))
    damage(values)
    with pytest.raises(FileFormatError, match="SpiNNaker report"):
        SpiNNakerReport.from_json(values)


def test_text_says_it_all(report):
    text = str(report)
    for part in ("out(0:2)", "IF_CURR_EXP", "26.84 W", "in real time", "in to out", "(0, 0)"):
        assert part in text
    assert max(map(len, text.split("\n\n")[0].splitlines())) < 100
