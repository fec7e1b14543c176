"""Plots on given axes, and the page that holds them."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import pytest

from neurosim.analysis.report import render
from neurosim.errors import DataError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.report.analyse import analyse_build
from neurosim.hardware.loihi.report.panels import PANELS

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from neurosim.hardware.loihi.report.plots import plot_cores, plot_divergence, plot_own_effects


@pytest.fixture(scope="module")
def report(compile_by_hand, make_two_layers, make_noise):
    made = compile_by_hand(make_two_layers(), limits={"compartments": 4})
    return analyse_build(made, read_chip("loihi1"), inputs=make_noise())


@pytest.mark.parametrize("plot", [plot_cores, plot_own_effects, plot_divergence])
def test_they_draw_on_the_axes_given(report, plot, tmp_path):
    figure = Figure()
    ax = figure.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot(report, ax=ax) is ax
        figure.savefig(tmp_path / "plot.png")


def test_cores_lie_within_their_tiles(report):
    ax = plot_cores(report, ax=Figure().subplots())
    squares = ax.collections[0]
    assert list(squares.get_array()) == [c.loads[0].share for c in report.cores]
    middles = [path.get_extents() for path in squares.get_paths()]
    for c, box in zip(report.cores, middles, strict=True):
        assert c.x - 0.5 < box.x0 < box.x1 < c.x + 0.5
        assert c.y - 0.5 < box.y0 < box.y1 < c.y + 0.5
    assert len({(b.x0, b.y0) for b in middles}) == len(report.cores)


def test_curves_are_potentials_less_thresholds(report):
    d = report.divergence
    ax = plot_divergence(report, ax=Figure().subplots())
    for line, values, limit in zip(
        ax.lines, (d.float_trace, d.chip_trace), (d.float_threshold, d.chip_threshold), strict=False
    ):
        assert list(line.get_ydata()) == pytest.approx([v - limit for v in values])


def test_nothing_to_draw(report):
    empty = replace(report, cores=(), own_effects=(), divergence=None)
    for plot in (plot_cores, plot_own_effects, plot_divergence):
        with pytest.raises(DataError):
            plot(empty, ax=Figure().subplots())


def test_the_page_needs_nothing_else(report):
    page = render({"title": "a build", "my chip": report.to_json()}, panels=PANELS)
    assert page.count("<svg") == 3
    assert "Not part of this run" not in page
    for heading in PANELS:
        assert f"<h2>{heading}</h2>" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "<script" not in page
    assert "23.6 pJ" in page


def test_a_report_without_a_run_is_a_page_too(report):
    bare = replace(report, run=None, effects=(), own_effects=(), divergence=None, latency=None, energy=None)
    page = render({"title": "a build", "loihi1": bare.to_json()}, panels=PANELS)
    assert "No inputs were given" in page
    assert page.count("<svg") == 1
