"""Surrogate derivatives over one row of neurons."""

from __future__ import annotations

from typing import Any

from numba import njit

from neurosim.neurons.exponential import exponential
from neurosim.nn.cpu.rows import choose, read, write

__all__ = ["ARCTAN", "BOXCAR", "GIVEN", "SIGMOID", "SUPER_SPIKE", "TRIANGLE", "derivative_row"]

GIVEN, TRIANGLE, BOXCAR, ARCTAN, SIGMOID, SUPER_SPIKE = range(6)
"""Which function; `GIVEN` is one that no kernel knows, whose values come as an array."""

_exp = njit(inline="always")(exponential)


@njit(nogil=True, error_model="numpy")
def derivative_row(code: int, first: Any, second: Any, before: Any, limit: Any, pseudo: Any) -> None:
    """The derivative at before - limit, all [n]; ``pseudo`` is written.

    The numbers ``first`` and ``second`` have the rows' type; the classes of `neurosim.nn.surrogate` say what they are.
    """
    n = before.size
    zero, one = before.dtype.type(0), before.dtype.type(1)
    if code == TRIANGLE:  # height, height / width
        for j in range(n):
            d = first - second * abs(read(before, j, "before") - read(limit, j, "limit"))
            write(pseudo, j, "pseudo", choose(d > zero, d, zero))
    elif code == BOXCAR:  # width / 2, 1 / width
        for j in range(n):
            inside = abs(read(before, j, "before") - read(limit, j, "limit")) < first
            write(pseudo, j, "pseudo", choose(inside, second, zero))
    elif code == ARCTAN:  # pi alpha / 2, alpha / 2
        for j in range(n):
            d = first * (read(before, j, "before") - read(limit, j, "limit"))
            write(pseudo, j, "pseudo", second / (one + d * d))
    elif code == SIGMOID:  # alpha
        for j in range(n):
            e = _exp(-first * abs(read(before, j, "before") - read(limit, j, "limit")))
            write(pseudo, j, "pseudo", first * e / ((one + e) * (one + e)))
    elif code == SUPER_SPIKE:  # beta
        for j in range(n):
            d = one + first * abs(read(before, j, "before") - read(limit, j, "limit"))
            write(pseudo, j, "pseudo", one / (d * d))
