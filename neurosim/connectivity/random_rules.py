"""Rules that draw their pairs: with a probability, or a fixed number for each neuron."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.row_kernels import bernoulli_rows, in_degree_rows, out_degree_rows, sort_rows
from neurosim.connectivity.rule import Ends, Pattern, Rule
from neurosim.errors import DescriptionError
from neurosim.parameters import parameter

__all__ = [
    "Autapses",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "Multapses",
    "RandomRule",
    "grown_rows",
]


class Autapses(Enum):
    """Whether a neuron may be connected to itself. Between different populations there is nothing to forbid."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


class Multapses(Enum):
    """Whether a pair may be connected more than once."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


class RandomRule(Rule):
    """Base of rules that write their rows themselves."""

    RANDOM: ClassVar[bool] = True

    def synapses(self, ends: Ends, key: int) -> tuple[NDArray[Any], NDArray[Any]]:
        drawn = self.pattern(ends, key)
        return np.repeat(np.arange(ends.n_pre), np.diff(drawn.row_start)), drawn.target


class FixedProbability(RandomRule):
    """Each pair with probability ``p``, independently: ``FixedProbability(0.05)``.

    Gaps between chosen pairs are drawn, so work goes with the number of synapses, not of pairs.
    """

    p: float = parameter(minimum=0.0, maximum=1.0)
    autapses: Autapses = Autapses.ALLOWED

    def __init__(self, p: float, *, autapses: Autapses = Autapses.ALLOWED) -> None:
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "autapses", autapses)
        self.__post_init__()

    def pattern(self, ends: Ends, key: int) -> Pattern:
        if self.p == 0.0:
            return Pattern(np.zeros(ends.n_pre + 1, np.int64), np.empty(0, np.uint32))
        skip = ends.recurrent and self.autapses is Autapses.FORBIDDEN
        p = min(self.p, 1.0 - 2.0**-53)  # of one: gaps shorter than a pair

        def rows(
            row: int, at: int, row_start: NDArray[np.int64], target: NDArray[np.uint32]
        ) -> tuple[int, int]:
            found: tuple[int, int] = bernoulli_rows(
                np.uint64(key), p, ends.n_post, skip, row, at, row_start, target
            )
            return found

        return grown_rows(rows, ends.n_pre, self.p * ends.n_pre * ends.n_post, ends.n_post)


class _FixedDegree(RandomRule):
    """``n`` partners for every neuron of one side."""

    n: int
    multapses: Multapses = Multapses.ALLOWED
    autapses: Autapses = Autapses.ALLOWED

    def __init__(
        self, n: int, *, multapses: Multapses = Multapses.ALLOWED, autapses: Autapses = Autapses.ALLOWED
    ) -> None:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise DescriptionError(
                "must be a whole number", where=f"{type(self).__name__}.n", value=repr(n), limit=">= 0"
            )
        object.__setattr__(self, "n", int(n))
        object.__setattr__(self, "multapses", multapses)
        object.__setattr__(self, "autapses", autapses)
        self.__post_init__()

    def _options(self, ends: Ends) -> tuple[bool, bool]:
        """Whether partners are distinct, and whether (i, i) is left out."""
        skip = ends.recurrent and self.autapses is Autapses.FORBIDDEN
        return self.multapses is Multapses.FORBIDDEN, skip

    def _check(self, ends: Ends, choices: int, where: str) -> None:
        distinct, skip = self._options(ends)
        choices -= skip
        if self.n > (choices if distinct else 2**31 - 1 if choices else 0):
            raise DescriptionError(
                "there are not so many partners",
                where=f"{where}, {type(self).__name__}.n",
                value=self.n,
                limit=choices,
                remedy="Lower n, or allow multapses" if choices else "Connect larger populations",
            )


class FixedInDegree(_FixedDegree):
    """``n`` presynaptic neurons for every postsynaptic one, each as likely: ``FixedInDegree(80)``.

    With ``multapses=Multapses.FORBIDDEN`` all subsets of n are equally likely. The defaults are NEST's.
    """

    __init__ = _FixedDegree.__init__

    def check(self, ends: Ends, where: str) -> None:
        self._check(ends, ends.n_pre, where)

    def pattern(self, ends: Ends, key: int) -> Pattern:
        row_start = np.zeros(ends.n_pre + 1, np.int64)
        draw = (np.uint64(key), self.n, *self._options(ends), ends.n_post, row_start)
        in_degree_rows(*draw, np.empty(0, np.uint32))
        np.cumsum(row_start, out=row_start)
        target = np.empty(self.n * ends.n_post, np.uint32)
        if len(target):
            in_degree_rows(*draw, target)  # row i now starts where row i + 1 did
            row_start[1:] = row_start[:-1]
            row_start[0] = 0
        return Pattern(row_start, target)


class FixedOutDegree(_FixedDegree):
    """``n`` postsynaptic neurons for every presynaptic one, each as likely; options as in `FixedInDegree`."""

    __init__ = _FixedDegree.__init__

    def check(self, ends: Ends, where: str) -> None:
        self._check(ends, ends.n_post, where)

    def pattern(self, ends: Ends, key: int) -> Pattern:
        row_start = np.arange(ends.n_pre + 1, dtype=np.int64) * self.n
        target = np.empty(self.n * ends.n_pre, np.uint32)
        out_degree_rows(np.uint64(key), self.n, *self._options(ends), ends.n_post, ends.n_pre, target)
        sort_rows(row_start, target, np.ones(1), 0, (ends.n_post - 1).bit_length())
        return Pattern(row_start, target)


def grown_rows(
    rows: Callable[[int, int, NDArray[np.int64], NDArray[np.uint32]], tuple[int, int]],
    n_pre: int,
    expected: float,
    most: int,
) -> Pattern:
    """Rows of a rule that does not know how many synapses it will draw.

    Args:
        rows: writes from a row and a place on, until the room left may be too short; returns where it stopped.
        expected: mean number of synapses (an upper bound will do; pages that are not written to cost no memory).
        most: the longest possible row.
    """
    row_start = np.zeros(n_pre + 1, np.int64)
    target = np.empty(int(expected + 6 * math.sqrt(expected)) + most, np.uint32)
    row, at = rows(0, 0, row_start, target)
    while row < n_pre:
        target.resize(len(target) + len(target) // 4 + most, refcheck=False)
        row, at = rows(row, at, row_start, target)
    target.resize(at, refcheck=False)
    return Pattern(row_start, target)
