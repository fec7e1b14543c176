"""What is drawn is read back from the axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from neurosim.analysis import plots
from neurosim.analysis.axes import blank_figure
from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Spikes

matplotlib = pytest.importorskip("matplotlib")


@dataclass
class Site:
    unit: str
    x: int
    y: int
    label: str
    load: float


@pytest.fixture
def ax():
    return blank_figure(4, 3).subplots()


SPIKES = Spikes([0, 0, 1], [1, 4, 2], [0, 2, 1], [1, 2, 1], shape=3, dt=2e-3, steps=10, samples=2)


def test_raster_marks_the_spikes_of_one_sample(ax) -> None:
    assert plots.plot_raster(SPIKES, ax=ax) is ax
    assert ax.lines[0].get_xydata().tolist() == [[2, 0], [8, 2]]
    assert ax.get_xlim() == (0, 20)


def test_rate_integrates_to_the_number_of_spikes(ax) -> None:
    plots.plot_rate(SPIKES, ax=ax, window=6e-3)  # the last window is shorter
    values, edges, _ = ax.patches[0].get_data()
    assert np.sum(values * np.diff(edges) / 1e3 * SPIKES.size) == pytest.approx(3)


def test_traces_show_threshold_and_spikes(ax) -> None:
    values = np.arange(60.0).reshape(10, 2, 3)
    plots.plot_traces(values, 20.0, SPIKES, dt=2e-3, ax=ax, neurons=(2, 9))
    trace, ticks, threshold = ax.lines
    assert trace.get_ydata().tolist() == values[:, 0, 2].tolist()
    assert ticks.get_xdata().tolist() == [8]
    assert set(threshold.get_ydata()) == {20.0}


def test_histogram_counts_every_value_once_and_shares_the_edges(ax) -> None:
    counts = plots.histogram({"before": [0, 1, 1, 2], "after": np.full((2, 2), 5.0)}, bins=10)
    assert {name: sum(c) for name, c in counts["counts"].items()} == {"before": 4, "after": 4}
    assert plots.histogram({"a": [1, 2, 2]}, [0.5, 1.5, 2.5])["counts"] == {"a": [1, 2]}
    plots.plot_histogram(counts, ax=ax, label="delay (ms)")
    assert [p.get_data().edges[-1] for p in ax.patches] == [5.0, 5.0]
    with pytest.raises(DataError):
        plots.histogram({"a": [np.nan]})
    with pytest.raises(DataError):
        plots.histogram({"a": []})


def test_sites_of_one_place_do_not_overlap(ax) -> None:
    plots.plot_sites(
        [Site("core", 0, 0, str(i), i / 4) for i in range(5)] + [Site("core", 1, 0, "x", 1.0)], ax=ax
    )
    (drawn,) = ax.collections
    boxes = [p.get_extents() for p in drawn.get_paths()]
    assert len(boxes) == 6
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a.x1 <= b.x0 + 1e-9 or b.x1 <= a.x0 + 1e-9 or a.y1 <= b.y0 + 1e-9 or b.y1 <= a.y0 + 1e-9
    assert drawn.get_array().tolist() == [0, 0.25, 0.5, 0.75, 1, 1]
    assert drawn.get_cmap().name == "viridis"


def test_accuracy_against_noise_and_confusion(ax) -> None:
    plots.plot_accuracy_against_noise([0, 1], [0.97, 0.9], [0.96, 0.88], [0.98, 0.92], bar=0.92, ax=ax)
    assert ax.lines[0].get_ydata().tolist() == [97, 90]
    assert ax.lines[1].get_ydata()[0] == 92
    other = blank_figure(3, 3).subplots()
    plots.plot_confusion([[3, 1], [0, 2]], ax=other)
    assert sorted(t.get_text() for t in other.texts) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("draw", "error"),
    [
        (lambda: plots.plot_raster(SPIKES, sample=2), DataError),
        (lambda: plots.plot_rate(SPIKES, window=1e-4), DataError),
        (lambda: plots.plot_traces(np.zeros((3, 2)), dt=1e-3), ShapeError),
        (lambda: plots.plot_traces(np.zeros((3, 2, 2)), dt=1e-3, sample=-1), DataError),
        (lambda: plots.plot_sites([]), DataError),
        (lambda: plots.plot_confusion([[1, 2]]), ShapeError),
        (lambda: plots.plot_accuracy_against_noise([1], [1, 2], [1], [1]), ShapeError),
    ],
)
def test_bad_input_is_refused(draw, error) -> None:
    with pytest.raises(error):
        draw()


def test_style_is_left_alone_and_a_missing_axes_is_made() -> None:
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    made = plots.plot_raster(SPIKES)
    assert made.figure.number in pyplot.get_fignums()
    pyplot.close(made.figure)
    assert dict(matplotlib.rcParams) == before
