"""What is drawn is read back from the axes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neurosim.analysis import training_curves as curves
from neurosim.analysis.axes import blank_figure
from neurosim.errors import DataError

pytest.importorskip("matplotlib")

HISTORY = [
    {
        "epoch": k, "loss": 1.0 / (k + 1), "accuracy": 0.5 + 0.1 * k, "spikes": [10.0 + k, 3.0],
        "rates": {"weight": 1e-3, "delay": 0.1 if k < 2 else 0.0},
        "validation_loss": None if k == 0 else 2.0, "validation_accuracy": None if k == 0 else 0.25,
    }
    for k in range(3)
]  # fmt: skip
NAN = np.nan
DRAWN = {
    curves.plot_training_loss: {"training": [1, 1 / 2, 1 / 3], "validation": [NAN, 2, 2]},
    curves.plot_training_accuracy: {"training": [50, 60, 70], "validation": [NAN, 25, 25]},
    curves.plot_training_spikes: {"population 1": [10, 11, 12], "population 2": [3, 3, 3]},
    curves.plot_learning_rates: {"weight": [1e-3] * 3, "delay": [0.1, 0.1, NAN]},
}


@pytest.mark.parametrize("plot", DRAWN)
@pytest.mark.parametrize("kind", [dict, lambda e: SimpleNamespace(**e)])
def test_each_curve_has_a_point_an_epoch(plot, kind) -> None:
    ax = blank_figure(4, 3).subplots()
    assert plot([kind(epoch) for epoch in HISTORY], ax=ax) is ax
    assert {line.get_label() for line in ax.lines} == set(DRAWN[plot])
    for line in ax.lines:
        assert line.get_xdata().tolist() == [1, 2, 3]
        np.testing.assert_allclose(line.get_ydata(), DRAWN[plot][line.get_label()])
    assert ax.get_xlabel() == "epoch"


def test_without_validation_there_is_one_curve_and_no_legend() -> None:
    plain = [{k: v for k, v in e.items() if "validation" not in k} for e in HISTORY]
    ax = curves.plot_training_loss(plain, ax=blank_figure(4, 3).subplots())
    assert len(ax.lines) == 1
    assert ax.get_legend() is None


def test_all_four_on_one_figure(tmp_path) -> None:
    figure = curves.training_figure(HISTORY)
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "loss", "accuracy (%)", "spikes a sample", "learning rate",
    ]  # fmt: skip
    for name in ("a.svg", "a.png"):
        figure.savefig(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(DataError, match="no epoch"):
        curves.plot_training_loss([])
