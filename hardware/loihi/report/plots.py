"""Maps and curves of a report. Each function draws on ``ax`` (a new figure's where None) and returns the axes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from neurosim.analysis.axes import COLOURS, LOAD_MAP, axes_or_new
from neurosim.errors import DataError
from neurosim.hardware.loihi.report.loihi_report import LoihiReport
from neurosim.hardware.loihi.report.roundings import Rounding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_cores", "plot_divergence", "plot_own_effects"]


def plot_cores(report: LoihiReport, *, ax: Axes | None = None) -> Axes:
    """Tiles of the mesh with their cores, coloured by the share of the limit that binds each.

    Raises:
        DataError: nothing is mapped.
        MissingExtraError: matplotlib cannot be imported.
    """
    if not report.cores:
        raise DataError("nothing is mapped", where="plot_cores")
    ax = axes_or_new(ax)
    tiles = defaultdict(list)
    for c in report.cores:
        tiles[c.x, c.y].append(c)
    width = int(np.ceil(np.sqrt(max(4, *(len(held) for held in tiles.values())))))
    x, y, share = [], [], []
    for (column, row), held in tiles.items():
        for k, c in enumerate(held):
            x.append(column + 0.8 * ((k % width + 0.5) / width - 0.5))
            y.append(row + 0.8 * ((k // width + 0.5) / width - 0.5))
            share.append(c.loads[0].share)
    size = 0.8 / width
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    squares = [
        Rectangle((a - 0.46 * size, b - 0.46 * size), 0.92 * size, 0.92 * size)
        for a, b in zip(x, y, strict=True)
    ]
    drawn = PatchCollection(squares, cmap=LOAD_MAP, linewidths=0)
    drawn.set_array(np.array(share))
    drawn.set_clim(0, 1)
    ax.add_collection(drawn)
    ax.set_xlim(min(t[0] for t in tiles) - 0.6, max(t[0] for t in tiles) + 0.6)
    ax.set_ylim(max(t[1] for t in tiles) + 0.6, min(t[1] for t in tiles) - 0.6)
    ax.set_aspect("equal")
    ax.set_xticks(sorted({t[0] for t in tiles}))
    ax.set_yticks(sorted({t[1] for t in tiles}))
    ax.set(xlabel="tile, east-west", ylabel="tile, north-south")
    ax.figure.colorbar(drawn, ax=ax, label="share of the limit that binds", shrink=0.8)
    return ax


def plot_own_effects(report: LoihiReport, *, ax: Axes | None = None) -> Axes:
    """For each population, how many of its cells each rounding alone changes, given the float engine's spikes.

    Raises:
        DataError: nothing was run.
        MissingExtraError: matplotlib cannot be imported.
    """
    if not report.own_effects:
        raise DataError("nothing was run", where="plot_own_effects")
    ax = axes_or_new(ax)
    kinds = ["all", *(r.value for r in Rounding)]
    names = list(dict.fromkeys(o.population for o in report.own_effects))
    cells = {(o.population, o.rounding): o.cells for o in report.own_effects}
    for k, kind in enumerate(kinds):
        at = np.arange(len(names)) + (k - (len(kinds) - 1) / 2) * 0.8 / len(kinds)
        colour = "0.5" if kind == "all" else COLOURS[(k - 1) % len(COLOURS)]
        hatch = "//" if k > len(COLOURS) else None
        ax.bar(
            at, [100 * cells[n, kind] for n in names], 0.8 / len(kinds), color=colour, hatch=hatch, label=kind
        )
    ax.set_xticks(range(len(names)), names)
    ax.set(ylabel="cells off, %")
    ax.legend(fontsize="small", frameon=False, ncols=2)
    return ax


def plot_divergence(report: LoihiReport, *, ax: Axes | None = None) -> Axes:
    """Potential of the neuron that parts first, less the threshold of each, in the steps before it does; and how far
    the two are apart, on the axis to the right.

    Raises:
        DataError: nothing parts.
        MissingExtraError: matplotlib cannot be imported.
    """
    d = report.divergence
    if d is None:
        raise DataError("nothing parts", where="plot_divergence")
    ax = axes_or_new(ax)
    for values, limit, name, colour, style in (
        (d.float_trace, d.float_threshold, "float", COLOURS[0], "-"),
        (d.chip_trace, d.chip_threshold, "chip", COLOURS[1], "--"),
    ):
        ax.plot(d.steps, np.subtract(values, limit), color=colour, linestyle=style, label=name)
    ax.axhline(0.0, color="0.5", linewidth=0.8)
    over = np.subtract(d.chip_trace, d.chip_threshold) - np.subtract(d.float_trace, d.float_threshold)
    right = ax.twinx()
    right.plot(d.steps, over, color=COLOURS[2], linewidth=0.8)
    right.tick_params(axis="y", labelcolor=COLOURS[2])
    right.set_ylabel("chip less float", color=COLOURS[2])
    ax.set(xlabel="machine step", ylabel="potential less threshold")
    ax.set_title(f"neuron {d.neuron} of {d.population}", fontsize=9)
    ax.legend(fontsize="small", frameon=False)
    return ax
