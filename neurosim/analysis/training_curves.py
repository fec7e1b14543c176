"""Curves of a training, epoch by epoch: of what `neurosim.nn.fit` returns, or of the history in its ``run.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.analysis.axes import COLOURS, axes_or_new, blank_figure
from neurosim.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "draw_training",
    "plot_learning_rates",
    "plot_training_accuracy",
    "plot_training_loss",
    "plot_training_spikes",
    "training_figure",
]

History = Sequence[Any]
"""Epochs, or mappings with the same names."""


def _epochs(history: History) -> list[Mapping[str, Any]]:
    if not len(history):
        raise DataError("there is no epoch to plot", where="history")
    return [e if isinstance(e, Mapping) else vars(e) for e in history]


def _curve(
    ax: Axes, epochs: Sequence[Mapping[str, Any]], name: str, label: str, colour: int, scale: float = 1.0
) -> None:
    values = [e.get(name) for e in epochs]
    if any(v is not None for v in values):
        y = np.array([np.nan if v is None else v for v in values], float) * scale
        x = [e["epoch"] + 1 for e in epochs]
        ax.plot(x, y, "-", marker="." if len(x) < 40 else None, color=COLOURS[colour], label=label)


def _finish(ax: Axes, label: str) -> Axes:
    ax.set(xlabel="epoch", ylabel=label)
    ax.locator_params(axis="x", integer=True)
    if len(ax.lines) > 1:
        ax.legend(fontsize="small", frameon=False)
    return ax


def plot_training_loss(history: History, *, ax: Axes | None = None) -> Axes:
    """The loss while training, and on validation data where there were some."""
    epochs, ax = _epochs(history), axes_or_new(ax)
    _curve(ax, epochs, "loss", "training", 0)
    _curve(ax, epochs, "validation_loss", "validation", 1)
    return _finish(ax, "loss")


def plot_training_accuracy(history: History, *, ax: Axes | None = None) -> Axes:
    """The accuracy in percent while training, and on validation data where there were some."""
    epochs, ax = _epochs(history), axes_or_new(ax)
    _curve(ax, epochs, "accuracy", "training", 0, 100.0)
    _curve(ax, epochs, "validation_accuracy", "validation", 1, 100.0)
    return _finish(ax, "accuracy (%)")


def plot_training_spikes(history: History, *, ax: Axes | None = None) -> Axes:
    """Spikes a sample of every population, while training."""
    epochs, ax = _epochs(history), axes_or_new(ax)
    for i in range(len(epochs[0]["spikes"])):
        series = [{"epoch": e["epoch"], "spikes": e["spikes"][i]} for e in epochs]
        _curve(ax, series, "spikes", f"population {i + 1}", i % len(COLOURS))
    return _finish(ax, "spikes a sample")


def plot_learning_rates(history: History, *, ax: Axes | None = None) -> Axes:
    """The learning rate of each kind of parameter at the end of every epoch, on a logarithmic axis."""
    epochs, ax = _epochs(history), axes_or_new(ax)
    names = list(dict.fromkeys(name for e in epochs for name in e["rates"]))
    for i, name in enumerate(names):
        series = [{"epoch": e["epoch"], "rate": e["rates"].get(name) or None} for e in epochs]
        _curve(ax, series, "rate", name, i % len(COLOURS))
    if ax.lines:
        ax.set_yscale("log")
    return _finish(ax, "learning rate")


_PLOTS: tuple[Callable[..., Axes], ...] = (
    plot_training_loss,
    plot_training_accuracy,
    plot_training_spikes,
    plot_learning_rates,
)


def draw_training(history: History, figure: Figure) -> None:
    """All four onto ``figure``."""
    for plot, ax in zip(_PLOTS, figure.subplots(2, 2).reshape(-1), strict=True):
        plot(history, ax=ax)


def training_figure(history: History) -> Figure:
    """A figure with all four: ``training_figure(history).savefig("training.svg")``."""
    figure = blank_figure(9, 6)
    draw_training(history, figure)
    return figure
