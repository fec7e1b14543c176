"""Maps of chips and links, and the page that holds them."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from neurosim.analysis.report import render
from neurosim.errors import DataError
from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.report.analyse import analyse
from neurosim.hardware.spinnaker.report.panels import PANELS

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from neurosim.hardware.spinnaker.report.plots import plot_link_load, plot_placement


@pytest.fixture
def report(on_three_chips):
    return analyse(on_three_chips, read_limits(), dt=1e-3, step=1e-3)


@pytest.mark.parametrize("plot", [plot_placement, plot_link_load])
def test_they_draw_on_the_axes_given(report, plot, tmp_path):
    figure = Figure()
    ax = figure.subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot(report, ax=ax) is ax
        figure.savefig(tmp_path / "map.png")


def test_arrows_stand_where_links_are(report):
    """Six neighbours are equally far apart; the arrow of each link points from its chip to the next."""
    ax = plot_link_load(report, ax=Figure().subplots())
    arrows = ax.collections[1]
    assert list(arrows.get_array()) == [k.packets for k in report.traffic.links]
    assert np.hypot(arrows.U, arrows.V) == pytest.approx(np.full(5, 0.33))
    south = [k.link for k in report.traffic.links].index(5)
    assert arrows.V[south] < 0 < arrows.U[south]  # north leans left on the map, so south leans right
    texts = {t.get_text() for t in ax.texts}
    assert texts == {"0, 0", "1, 0", "2, 0", "1, 1", "2, 1"}  # those that only pass packets on as well


def test_chips_carry_their_populations(report):
    ax = plot_placement(report, ax=Figure().subplots())
    assert {t.get_text() for t in ax.texts} == {"(0, 0)\nin 1", "(2, 0)\nout 1", "(1, 1)\nout 1"}


def test_nothing_placed_cannot_be_drawn(report):
    empty = type(report)(**{**{f: getattr(report, f) for f in report.__dataclass_fields__}, "chips": ()})
    for plot in (plot_placement, plot_link_load):
        with pytest.raises(DataError, match="nothing is placed"):
            plot(empty, ax=Figure().subplots())


def test_the_page_needs_nothing_else(report):
    page = render({"title": "a build", "spinnaker": report.to_json()}, panels=PANELS)
    assert page.count("<svg") == 2
    assert "Not part of this run" not in page
    for heading in PANELS:
        assert f"<h2>{heading}</h2>" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "<script" not in page
    assert "url(http" not in page
    assert "26.84 W" in page
