"""Maps of the chips: what is placed where, and how many packets cross which link.

Chips stand on a hexagonal grid, chip (x, y) at x - y / 2 to the right and y * sqrt(3) / 2 up, so that all six links are
equally long. Each function draws on ``ax`` (a new figure's where None) and returns the axes, see
`neurosim.analysis.plots`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from neurosim.analysis.axes import LOAD_MAP, axes_or_new
from neurosim.errors import DataError
from neurosim.hardware.spinnaker.machine import LINKS, Chip
from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PatchCollection

__all__ = ["plot_link_load", "plot_placement"]

_HEIGHT = math.sqrt(3) / 2
_RADIUS = 0.36
_MANY = 60  # chips on a map from which on they carry no text


def plot_placement(report: SpiNNakerReport, *, ax: Axes | None = None) -> Axes:
    """Chips coloured by the share of their cores in use, with the populations they hold and how many cores of each.

    Raises:
        DataError: nothing is placed.
        MissingExtraError: matplotlib cannot be imported.
    """
    chips = [c for c in report.chips if c.cores]
    if not chips:
        raise DataError("nothing is placed", where="plot_placement")
    ax = axes_or_new(ax)
    shares = {(c.x, c.y): c.cores / max(1, c.most_cores) for c in chips}
    drawn = _cells(ax, shares, radius=0.56)
    drawn.set_clim(0, 1)
    if len(chips) <= _MANY:
        for chip, share in shares.items():
            held = Counter(c.population for c in report.cores if (c.x, c.y) == chip)
            lines = [f"{name} {n}" for name, n in held.most_common(3)] + ["..."] * (len(held) > 3)
            ink = "white" if share < 0.65 else "black"
            size = 7 if len(chips) <= 24 else 4.5
            text = "\n".join([f"({chip[0]}, {chip[1]})", *lines])
            ax.annotate(text, _centre(chip), ha="center", va="center", fontsize=size, color=ink)
    _frame(ax, shares)
    ax.figure.colorbar(drawn, ax=ax, label="share of the cores in use", shrink=0.8)
    return ax


def plot_link_load(report: SpiNNakerReport, *, ax: Axes | None = None) -> Axes:
    """An arrow for each link, coloured by the packets that cross it in a step.

    Chips in white only pass packets on.

    Raises:
        DataError: nothing is placed.
        MissingExtraError: matplotlib cannot be imported.
    """
    if not report.chips:
        raise DataError("nothing is placed", where="plot_link_load")
    ax = axes_or_new(ax)
    holds = {(c.x, c.y): c.cores > 0 for c in report.chips}
    for link in report.traffic.links:
        holds.setdefault((link.x, link.y), False)
    cells = _cells(ax, dict.fromkeys(holds, 0.0), radius=_RADIUS)
    cells.set(array=None, facecolor=["0.85" if full else "white" for full in holds.values()])
    if len(holds) <= _MANY:
        for x, y in holds:
            ax.annotate(f"{x}, {y}", _centre((x, y)), ha="center", va="center", fontsize=6.5, color="black")
    load = np.array([k.packets for k in report.traffic.links])
    arrows = np.array([_arrow((k.x, k.y), k.link) for k in report.traffic.links]).reshape(-1, 4)
    if len(load):
        drawn = ax.quiver(
            *arrows.T, load, cmap=LOAD_MAP, angles="xy", scale_units="xy", scale=1.0, units="xy", width=0.045,
            headwidth=2.8, headlength=3.0, headaxislength=3.0,
        )  # fmt: skip
        drawn.set_clim(0, max(float(load.max()), 1e-12))
        ax.figure.colorbar(drawn, ax=ax, label="packets of a step", shrink=0.8)
    _frame(ax, holds)
    ax.set_title(f"packets on the links, {report.traffic.basis}", fontsize=8)
    return ax


def _centre(chip: Chip) -> tuple[float, float]:
    x, y = chip
    return x - y / 2, y * _HEIGHT


def _arrow(chip: Chip, link: int) -> tuple[float, float, float, float]:
    """Start and extent of the arrow of a link, a little to the left of the middle between two chips."""
    (x, y), (dx, dy) = _centre(chip), _centre(LINKS[link])
    near, long, across = 0.335, 0.33, 0.06
    return x + near * dx - across * dy, y + near * dy + across * dx, long * dx, long * dy


def _cells(ax: Axes, values: dict[Chip, float], radius: float) -> PatchCollection:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import RegularPolygon

    patches = [RegularPolygon(_centre(chip), numVertices=6, radius=radius) for chip in values]
    drawn = PatchCollection(patches, cmap=LOAD_MAP, edgecolor="0.5", linewidth=0.6)
    drawn.set_array(np.array(list(values.values())))
    ax.add_collection(drawn)
    return drawn


def _frame(ax: Axes, chips: Iterable[Chip]) -> None:
    xs, ys = zip(*(_centre(chip) for chip in chips), strict=True)
    ax.set(
        xlim=(min(xs) - 0.8, max(xs) + 0.8),
        ylim=(min(ys) - 0.8, max(ys) + 0.8),
        aspect="equal",
        xticks=[],
        yticks=[],
    )
    ax.spines[:].set_visible(False)
