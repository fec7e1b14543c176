"""Plots of activity, parameters, placement and accuracy.

Each function draws on ``ax`` (a new figure's where None), returns the axes and changes nothing else: it
calls no ``show()``, sets no style, and leaves the figure's layout to the caller. Times are in milliseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.analysis.axes import COLOURS, LOAD_MAP, axes_or_new
from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "SiteLike",
    "histogram",
    "plot_accuracy_against_noise",
    "plot_confusion",
    "plot_histogram",
    "plot_raster",
    "plot_rate",
    "plot_sites",
    "plot_traces",
]

MS = 1e3


class SiteLike(Protocol):
    """A core or tile of a build's layout: its kind, place, label and load (share of its limit, 0 to 1)."""

    @property
    def unit(self) -> str: ...
    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def load(self) -> float: ...


def _of_sample(spikes: Spikes, sample: int) -> Spikes:
    if not 0 <= sample < spikes.samples:
        raise DataError("no such sample", where="plot", value=sample, limit=f"0 to {spikes.samples - 1}")
    return spikes.select([sample])


def plot_raster(spikes: Spikes, *, ax: Axes | None = None, sample: int = 0, colour: str = COLOURS[0]) -> Axes:
    """Spikes of one sample as marks, time against the flat index of the neuron.

    Raises:
        DataError: there is no such sample.
    """
    one = _of_sample(spikes, sample)
    ax = axes_or_new(ax)
    few = one.size <= 40
    ax.plot(
        one.times * MS,
        one.neuron,
        linestyle="none",
        marker="|" if few else ".",
        markersize=6 if few else 2,
        color=colour,
        rasterized=len(one) > 2000,
    )
    ax.set(xlim=(0, max(one.steps, 1) * one.dt * MS), ylim=(-0.5, max(one.size, 1) - 0.5))
    ax.set(xlabel="time (ms)", ylabel="neuron")
    return ax


def plot_rate(
    spikes: Spikes,
    *,
    ax: Axes | None = None,
    sample: int = 0,
    window: float = 10e-3,
    colour: str = COLOURS[0],
) -> Axes:
    """Mean firing rate of a population in Hz, in windows of ``window`` seconds.

    Raises:
        DataError: there is no such sample, or the window is shorter than a step.
    """
    one = _of_sample(spikes, sample)
    width = round(window / one.dt)
    if width < 1:
        raise DataError(
            "the window is shorter than a step", where="plot_rate", value=window, limit=f">= {one.dt} s"
        )
    ax = axes_or_new(ax)
    edges = np.unique(np.append(np.arange(0, one.steps, width), one.steps))
    count, _ = np.histogram(one.step, edges, weights=one.counts_of_cells())
    ax.stairs(count / (np.diff(edges) * one.dt * max(one.size, 1)), edges * one.dt * MS, color=colour)
    ax.set(xlabel="time (ms)", ylabel="rate (Hz)", xlim=(0, max(one.steps, 1) * one.dt * MS))
    return ax


def plot_traces(
    values: ArrayLike,
    threshold: float | None = None,
    spikes: Spikes | None = None,
    *,
    dt: float,
    ax: Axes | None = None,
    sample: int = 0,
    neurons: Sequence[int] = (0, 1, 2),
    label: str = "membrane potential",
) -> Axes:
    """Recorded values of a few neurons, the threshold as a dashed line, spikes as ticks above the trace.

    Args:
        values: ``[T, B, *shape]``, as a recording holds them.
        threshold: in the unit of ``values``.
        spikes: of the same population.
        dt: time step in seconds.
        neurons: flat indices; those beyond the population are left out.

    Raises:
        ShapeError: ``values`` has fewer than three axes.
        DataError: there is no such sample.
    """
    array = np.asarray(values)
    if array.ndim < 3:
        raise ShapeError(
            "traces have axes [T, B, *shape]", where="plot_traces", value=array.shape, limit="3 axes"
        )
    if not 0 <= sample < array.shape[1]:
        raise DataError(
            "no such sample", where="plot_traces", value=sample, limit=f"0 to {array.shape[1] - 1}"
        )
    ax = axes_or_new(ax)
    flat = array[:, sample].reshape(array.shape[0], -1)
    times = np.arange(len(flat)) * dt * MS
    shown = [n for n in neurons if n < flat.shape[1]]
    top = float(np.nanmax(flat[:, shown], initial=threshold if threshold is not None else -math.inf))
    for i, n in enumerate(shown):
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(times, flat[:, n], color=colour, linewidth=1, label=f"neuron {n}")
        if spikes is not None:
            fired = spikes.step[(spikes.sample == sample) & (spikes.neuron == n)]
            ax.plot(fired * dt * MS, np.full(len(fired), top), "|", color=colour, markersize=9)
    if threshold is not None:
        ax.axhline(threshold, color="0.5", linestyle="--", linewidth=1, label="threshold")
    ax.set(xlabel="time (ms)", ylabel=label, xlim=(0, max(len(flat), 1) * dt * MS))
    ax.legend(loc="best", fontsize="small", frameon=False)
    return ax


def histogram(values: Mapping[str, ArrayLike], bins: int | ArrayLike = 41) -> dict[str, Any]:
    """Counts of several sets of values over the same edges, JSON-ready. ``bins``: their number, or the edges.

    Returns:
        ``{"edges": [...], "counts": {name: [...]}}``

    Raises:
        DataError: there is no value, or one is not finite.
    """
    arrays = {name: np.asarray(v, np.float64).reshape(-1) for name, v in values.items()}
    together = np.concatenate([*arrays.values(), np.empty(0)])
    if not together.size:
        raise DataError("there are no values to count", where="histogram")
    if not np.isfinite(together).all():
        raise DataError(
            "values must be finite", where="histogram", value=float(together[~np.isfinite(together)][0])
        )
    edges: NDArray[np.float64] = np.histogram_bin_edges(together, bins)
    counts = {name: np.histogram(a, edges)[0].tolist() for name, a in arrays.items()}
    return {"edges": edges.tolist(), "counts": counts}


def plot_histogram(counts: Mapping[str, Any], *, ax: Axes | None = None, label: str = "value") -> Axes:
    """Outlines of the sets that `histogram` counted, one colour each (such as before and after training)."""
    ax = axes_or_new(ax)
    for i, (name, count) in enumerate(counts["counts"].items()):
        ax.stairs(
            count,
            counts["edges"],
            label=name,
            color=COLOURS[i % len(COLOURS)],
            linewidth=1.4,
            linestyle=("-", "--", ":")[i % 3],
        )
    ax.set(xlabel=label, ylabel="count")
    ax.legend(fontsize="small", frameon=False)
    return ax


def plot_sites(layout: Sequence[SiteLike], *, ax: Axes | None = None) -> Axes:
    """Map of cores or tiles, coloured by load from 0 to 1. Sites that share a place share its cell.

    Raises:
        DataError: the layout is empty.
    """
    if not layout:
        raise DataError("the layout is empty", where="plot_sites", remedy="Compile the network first")
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    ax = axes_or_new(ax)
    cells: dict[tuple[int, int], list[SiteLike]] = {}
    for site in layout:
        cells.setdefault((int(site.x), int(site.y)), []).append(site)
    side = math.ceil(math.sqrt(max(map(len, cells.values()))))
    patches, loads = [], []
    for (x, y), sites in cells.items():
        for i, site in enumerate(sites):
            left, bottom = x - 0.45 + 0.9 * (i % side) / side, y + 0.45 - 0.9 * (i // side + 1) / side
            patches.append(Rectangle((left, bottom), 0.84 / side, 0.84 / side))
            loads.append(site.load)
            if len(layout) <= 24:
                # matplotlib's viridis is dark below and light above two thirds
                middle = (left + 0.42 / side, bottom + 0.42 / side)
                ink = "white" if site.load < 0.65 else "black"
                label = re.sub(r"(: |[(\[])", r"\n\1", site.label).replace("\n: ", "\n")
                ax.annotate(label, middle, ha="center", va="center", fontsize=9 - 2 * min(side, 3), color=ink)
    drawn = PatchCollection(patches, cmap=LOAD_MAP, edgecolor="0.5", linewidth=0.5)
    drawn.set_array(np.asarray(loads, float))
    drawn.set_clim(0, 1)
    ax.add_collection(drawn)
    xs, ys = [x for x, _ in cells], [y for _, y in cells]
    ax.set(
        xlim=(min(xs) - 0.6, max(xs) + 0.6),
        ylim=(min(ys) - 0.6, max(ys) + 0.6),
        aspect="equal",
        xlabel="x",
        ylabel="y",
    )
    for axis, values in ((ax.xaxis, xs), (ax.yaxis, ys)):
        axis.set_ticks(range(min(values), max(values) + 1, 1 + (max(values) - min(values)) // 12))
    units = sorted({site.unit.split()[0] for site in layout})
    ax.figure.colorbar(drawn, ax=ax, label=f"load of each {' or '.join(units)}", shrink=0.8)
    return ax


def plot_accuracy_against_noise(
    levels: ArrayLike,
    accuracy: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    bar: float | None = None,
    ax: Axes | None = None,
    label: str = "noise level",
) -> Axes:
    """Mean accuracy against the level of noise, the interval as a band, and the bar that a check must reach.

    All accuracies are shares from 0 to 1; the four vectors are of equal length.

    Raises:
        ShapeError: the vectors differ in length.
    """
    x, y, below, above = (np.atleast_1d(np.asarray(v, np.float64)) for v in (levels, accuracy, low, high))
    if not len(x) == len(y) == len(below) == len(above):
        raise ShapeError(
            "vectors differ in length", where="plot_accuracy_against_noise", value=(len(x), len(y))
        )
    ax = axes_or_new(ax)
    ax.fill_between(x, below * 100, above * 100, color=COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(x, y * 100, "o-", color=COLOURS[0], markersize=4)
    if bar is not None:
        ax.axhline(bar * 100, color=COLOURS[1], linestyle="--", linewidth=1, label=f"bar {bar:.1%}")
        ax.legend(fontsize="small", frameon=False)
    ax.set(xlabel=label, ylabel="accuracy (%)")
    return ax


def plot_confusion(matrix: ArrayLike, labels: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Counts ``[true class, predicted class]``, written into the cells.

    Raises:
        ShapeError: the matrix is not square.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ShapeError("a confusion matrix is square", where="plot_confusion", value=counts.shape)
    ax = axes_or_new(ax)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    ax.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for (row, column), n in np.ndenumerate(counts):
        if n:
            ink = "white" if share[row, column] < 0.6 else "black"
            ax.annotate(f"{n}", (column, row), ha="center", va="center", fontsize=7, color=ink)
    names = [str(i) for i in range(len(counts))] if labels is None else list(labels)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted", ylabel="true")
    return ax
