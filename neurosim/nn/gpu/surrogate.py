"""Surrogate derivatives inside a kernel; the numbers of each are those that `neurosim.nn.cpu.surrogate` takes."""

from __future__ import annotations

import triton
import triton.language as tl

from neurosim.nn.cpu import surrogate as rows

__all__ = ["derivative"]

TRIANGLE, BOXCAR, ARCTAN = (tl.constexpr(k) for k in (rows.TRIANGLE, rows.BOXCAR, rows.ARCTAN))
SIGMOID, SUPER_SPIKE = tl.constexpr(rows.SIGMOID), tl.constexpr(rows.SUPER_SPIKE)


@triton.jit
def derivative(u, first, second, CODE: tl.constexpr):
    """The stand-in for dH/du at ``u``, for any code but `rows.GIVEN`."""
    size = tl.abs(u)
    if CODE == TRIANGLE:  # height, height / width
        found = tl.maximum(first - second * size, 0.0)
    elif CODE == BOXCAR:  # width / 2, 1 / width
        found = tl.where(size < first, second, 0.0)
    elif CODE == ARCTAN:  # pi alpha / 2, alpha / 2
        found = second / (1.0 + (first * u) * (first * u))
    elif CODE == SIGMOID:  # alpha
        e = tl.exp(-first * size)
        found = first * e / ((1.0 + e) * (1.0 + e))
    else:  # beta
        found = 1.0 / ((1.0 + first * size) * (1.0 + first * size))
    return found.to(u.dtype)
