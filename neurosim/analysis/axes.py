"""Where plots are drawn: matplotlib imported on demand, the colours, and the ``ax=`` convention.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), which people with any common colour
vision deficiency can tell apart; maps are viridis and cividis, and a diverging one for signed values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosim.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "DIVERGING_MAP", "LOAD_MAP", "axes_or_new", "blank_figure"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LOAD_MAP = "viridis"
DIVERGING_MAP = "PuOr"


def axes_or_new(ax: Axes | None) -> Axes:
    """``ax``, or the axes of a new pyplot figure (which is neither shown nor styled).

    Raises:
        MissingExtraError: matplotlib cannot be imported.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingExtraError("matplotlib", "viz", error) from error
    made: Axes = pyplot.subplots(layout="constrained")[1]
    return made


def blank_figure(width: float, height: float, **options: Any) -> Figure:
    """A figure of ``width`` x ``height`` inches that pyplot does not know of: no display, no trace left.

    Raises:
        MissingExtraError: matplotlib cannot be imported.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "viz", error) from error
    return Figure(figsize=(width, height), layout="constrained", **options)
