"""Converters between codes and voltages or currents.

All are mid-tread and symmetric: b bits give the codes -(2^(b-1) - 1) ... 2^(b-1) - 1 (sign and magnitude), and zero is
one of them. A converter whose range has no zero code turns a silent column into a constant current, which a spiking
network would integrate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError

__all__ = ["best_range", "largest_code", "quantise", "step_size"]

Float = NDArray[np.float64]


def largest_code(bits: int) -> int:
    """2^(bits-1) - 1; raises `DescriptionError` below two bits."""
    if bits < 2:
        raise DescriptionError("a signed converter needs a sign and one level", value=bits, limit=">= 2 bits")
    return (1 << (bits - 1)) - 1


def step_size(full_scale: ArrayLike, bits: int) -> Float:
    """The value of one code for inputs in +-full_scale. Where the full scale is 0 the step is 1, every code being 0."""
    scale = np.asarray(full_scale, np.float64)
    return np.where(scale > 0, scale / largest_code(bits), 1.0)


def quantise(x: ArrayLike, full_scale: ArrayLike, bits: int) -> Float:
    """x on the converter's grid: round half to even, then clip to the largest code. Zero stays exactly zero."""
    step, top = step_size(full_scale, bits), largest_code(bits)
    return np.asarray(np.clip(np.rint(np.asarray(x, np.float64) / step), -top, top) * step, np.float64)


def best_range(magnitude: Float, count: NDArray[np.int64], bits: int, *, candidates: int = 64) -> float:
    """The full scale with the least mean squared error of rounding plus clipping.

    Args:
        magnitude: centres of the bins of a histogram of |x|, ascending.
        count: how many values fell into each bin.
        bits: of the converter.
        candidates: how many ranges are tried, evenly spaced up to the largest value seen.

    Returns:
        The range in the unit of ``magnitude``; 0 if only zeros were seen.
    """
    seen = np.flatnonzero(count * (magnitude > 0))
    if not len(seen):
        return 0.0
    x, weight = magnitude[: seen[-1] + 1], count[: seen[-1] + 1]
    ranges = x[-1] * np.arange(1, candidates + 1) / candidates
    cost = [float(weight @ (quantise(x, r, bits) - x) ** 2) for r in ranges]
    # ties go to the wider range, which clips less of what calibration did not show
    return float(ranges[candidates - 1 - int(np.argmin(cost[::-1]))])
