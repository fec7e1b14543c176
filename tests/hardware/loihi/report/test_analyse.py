"""The whole report, as data and as text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.errors import DataError, FileFormatError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.report.analyse import MOST_SAMPLES, analyse, analyse_build, analyse_device
from neurosim.hardware.loihi.report.loihi_report import LoihiReport
from neurosim.hardware.loihi.report.remarks import remarks

LOIHI1, LOIHI2 = read_chip("loihi1"), read_chip("loihi2")


@pytest.mark.parametrize("target", [hardware.Loihi1(), hardware.Loihi2()], ids=lambda t: t.name)
def test_a_build_reports_what_its_files_do(target, tmp_path, make_noise):
    """Two layers without delays, which are retimed: the spikes of the report are those that the files give."""
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", 24)
    net.population("a", 30, ns.LIF(tau_membrane=10e-3))
    net.output(net.population("b", 5, ns.LIF(tau_membrane=10e-3)))
    net.connect("in", "a", ns.AllToAll(), weight=ns.Normal(0.2, 0.1))
    net.connect("a", "b", ns.AllToAll(), weight=ns.Normal(0.15, 0.1))
    inputs = make_noise(rate=0.1)
    build = hardware.compile(net, target)
    report = build.analyse(inputs=inputs)
    build.save(tmp_path / "build")
    run = hardware.load(tmp_path / "build").emulate(inputs, record={"a": "spikes", "b": "spikes"}, raw=True)
    assert {e.population: e.chip_spikes for e in report.effects} == {n: len(p.spikes) for n, p in run.items()}
    assert report.run.steps == 80 + build.manifest.max_lag > 80
    assert report.divergence.lag == build.manifest.populations[report.divergence.population].lag
    html, values = build.write_report(tmp_path / "report", inputs=inputs)
    assert "First divergence" in html.read_text()
    assert LoihiReport.from_json(json.loads(values.read_text())[target.name]) == report
    assert "No inputs were given" in build.report()


@pytest.fixture(scope="module")
def made(compile_by_hand, make_two_layers):
    return compile_by_hand(make_two_layers())


@pytest.fixture(scope="module")
def report(made, make_noise):
    return analyse_build(made, LOIHI1, inputs=make_noise())


def test_json_holds_all_of_it(report):
    again = LoihiReport.from_json(json.loads(json.dumps(report.to_json())))
    assert again == report
    with pytest.raises(FileFormatError):
        LoihiReport.from_json({**report.to_json(), "format": 0})


def test_text_says_all_of_it(report):
    text = str(report)
    for part in (
        "Loihi 1, within the published limits", "Headroom:", "Fullest cores:", "Rounding of weights:",
        "Spikes beside the float engine:", "First divergence: population", "Cause:", "Time, at least:",
        "Energy, at least:", "23.6 pJ", "IEEE Micro 38(1)", "lower bounds",
    ):  # fmt: skip
        assert part in text, part


def test_without_inputs_only_what_is_known_without_is_there(made):
    report = analyse_build(made, LOIHI1)
    assert report.headroom
    assert report.projections
    assert (report.run, report.effects, report.energy, report.divergence) == (None, (), None, None)
    assert "No inputs were given" in str(report)
    assert "Divergence" not in str(report)
    bare = analyse(made.mapped, LOIHI1, numerics="lava", dt=1e-3)
    assert bare.populations == ()
    assert "arithmetic of lava" in str(bare)


def test_loihi_2_gets_no_invented_energy(made, make_noise):
    report = analyse_build(made, LOIHI2, inputs=make_noise())
    assert report.energy is None
    assert report.latency is None
    assert report.run.operations > 0
    assert "no constants of Loihi 2 are public" in str(report)


def test_calibration_inputs_are_the_default(made, make_noise):
    report = analyse_build(made, LOIHI1, make_noise(samples=MOST_SAMPLES + 2, steps=20))
    assert report.run.samples == MOST_SAMPLES
    assert "first 16 samples" in report.run.basis
    few = analyse_build(made, LOIHI1, make_noise(samples=2, steps=20))
    assert (few.run.samples, few.run.basis) == (2, "the calibration inputs")


def test_a_duration_without_inputs_runs_in_silence(made):
    report = analyse_build(made, LOIHI1, duration=0.02)
    assert report.run.steps == 20
    assert report.run.inputs == 0


def test_inputs_on_another_grid_are_refused(made, make_noise):
    spikes = make_noise()["in"]
    other = type(spikes)(spikes.sample, spikes.step, spikes.neuron, shape=24, dt=2e-3, steps=80, samples=2)
    with pytest.raises(DataError, match="time step"):
        analyse_build(made, LOIHI1, inputs={"in": other})


def test_a_network_in_the_numbers_of_the_chip(made, make_noise, report):
    """Its cores do the same; there is nothing to compare with."""
    found = analyse_device(made.mapped, made.tables, made.manifest, LOIHI1, inputs=make_noise())
    assert (found.run, found.energy, found.headroom) == (report.run, report.energy, report.headroom)
    assert (found.populations, found.effects, found.divergence) == ((), (), None)
    assert "ivergence" not in str(found)
    assert analyse_device(made.mapped, made.tables, made.manifest, LOIHI1).run is None


def test_remarks_name_what_is_off(report):
    quiet = replace(report, effects=(), projections=(), populations=(), headroom=())
    assert remarks(quiet) == ()
    effect = replace(report.effects[0], chip_spikes=0, counts=1.0, wraps=3, saturations=2)
    population = replace(report.populations[0], threshold_error=0.02)
    projections = (
        replace(report.projections[0], zeroed=0.5),
        replace(report.projections[1], zeroed=0.0, relative=0.2),
    )
    cores = replace(report.headroom[0], used=128)
    found = "\n".join(
        remarks(
            replace(
                quiet,
                effects=(effect,),
                populations=(population,),
                projections=projections,
                headroom=(cores,),
            )
        )
    )
    for part in ("is silent on the chip", "wraps 3 times", "saturates 2 times", "threshold is off by 2.0%",
                 "50.0% of the weights round to zero", "by 20.0% (root", "128 of 128 cores"):  # fmt: skip
        assert part in found, part


def test_remarks_of_a_kind_are_cut(report):
    many = tuple(replace(report.projections[0], projection=f"p{k}", zeroed=0.01 * k) for k in range(2, 12))
    found = remarks(replace(report, effects=(), populations=(), headroom=(), projections=many))
    assert len(found) == 5
    assert "'p11': 11.0%" in found[0]
    assert found[-1] == "... and 6 more of that kind."
