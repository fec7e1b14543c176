from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.comparison import compare
from neurosim.errors import ShapeError


def test_counts_by_hand() -> None:
    labels = np.array([0, 1, 1, 0])
    first = [[0, 1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1]]  # votes 0 1 1 1: right, right, right, wrong
    second = [[1, 1, 0, 0]]
    found = compare(first, second, labels, resamples=200)
    assert found.difference == pytest.approx(8 / 12 - 2 / 4)
    assert (found.only_first, found.only_second, found.items) == (2, 1, 4)
    assert found.low <= found.difference <= found.high
    assert found == compare(first, second, labels, resamples=200)


def test_interval_covers_the_truth_and_is_as_wide_as_theory_says() -> None:
    """Independent hits with probability p, q: the variance of the difference is, to first order, that over items and
    seeds together; without spread from seed to seed the normal interval is close.
    """
    r = np.random.default_rng(0)
    n, seeds = 400, 5
    wide = []
    covered = 0
    for k in range(20):
        a, b = (r.random((seeds, n)) < p for p in (0.9, 0.8))
        found = compare(a.astype(int), b.astype(int), np.ones(n, int), resamples=300, seed=k)
        covered += found.low <= 0.1 <= found.high
        wide.append(found.high - found.low)
    assert covered >= 17  # of 20, at 95 % or a little more
    normal = 2 * 1.96 * np.sqrt((0.9 * 0.1 + 0.8 * 0.2) / (seeds * n))
    assert normal < np.mean(wide) < 1.8 * normal


def test_refuses_arrays_that_do_not_fit() -> None:
    for first, second in (
        (np.zeros(3), np.zeros((1, 3))),
        (np.zeros((1, 3)), np.zeros((1, 2))),
        (np.zeros((1, 3)), np.zeros((0, 3))),
    ):
        with pytest.raises(ShapeError):
            compare(first, second, np.zeros(3))
