from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from neurosim.errors import DataError, ShapeError
from neurosim.hardware.verify import device_mean, paired_difference, wilson


def answers(both, only_first, only_second, neither):
    first = np.repeat([1, 1, 0, 0], [both, only_first, only_second, neither]).astype(bool)
    second = np.repeat([1, 0, 1, 0], [both, only_first, only_second, neither]).astype(bool)
    return first, second


@pytest.mark.parametrize(
    ("correct", "samples", "low", "high"),
    # Newcombe, Statistics in Medicine 17, 857 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_the_published_intervals(correct, samples, low, high):
    np.testing.assert_allclose(wilson(correct, samples), (low, high), atol=5e-5)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    # Newcombe, Statistics in Medicine 17, 2635 (1998), method 10
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((18, 12, 2, 18), 0.0562, 0.3290),
        ((53, 0, 0, 1), -0.0729, 0.0729),
        ((0, 30, 0, 0), 0.8395, 1.0),
    ],
)
def test_the_paired_interval_matches_the_published_ones(table, low, high):
    got = paired_difference(*answers(*table))
    np.testing.assert_allclose((got.low, got.high), (low, high), atol=1e-4)
    assert got.difference == pytest.approx((table[1] - table[2]) / sum(table))
    assert (got.only_first, got.only_second, got.samples) == (table[1], table[2], sum(table))


def test_the_paired_test_is_the_binomial_one():
    assert paired_difference(*answers(300, 15, 4, 41)).p_value == pytest.approx(
        stats.binomtest(15, 19).pvalue
    )
    assert paired_difference(*answers(300, 0, 0, 60)).p_value == 1.0


@given(st.tuples(*[st.integers(0, 40)] * 4).filter(lambda t: sum(t) > 0), st.sampled_from([0.8, 0.95, 0.99]))
def test_paired_differences_mirror_and_hold_their_estimate(table, confidence):
    first, second = answers(*table)
    one, other = paired_difference(first, second, confidence), paired_difference(second, first, confidence)
    assert -1 <= one.low <= one.difference + 1e-12
    assert one.difference - 1e-12 <= one.high <= 1
    np.testing.assert_allclose(
        (one.low, one.high, one.p_value), (-other.high, -other.low, other.p_value), atol=1e-12
    )


def test_the_paired_interval_covers_as_stated():
    """2000 draws of 200 samples, 92 % against 88 % right, correlated: coverage within 4 standard errors of 95 %."""
    rng = np.random.default_rng(0)
    tables = rng.multinomial(200, [0.85, 0.07, 0.03, 0.05], size=2000)
    inside = 0
    for table in tables:
        got = paired_difference(*answers(*table))
        inside += got.low <= 0.04 <= got.high
    assert abs(inside / 2000 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 2000)


def test_the_mean_over_devices_is_students_t():
    each = np.array([0.91, 0.93, 0.90, 0.94, 0.92])
    got = device_mean(each)
    low, high = stats.ttest_1samp(each, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose((got.low, got.high), (low, high), rtol=1e-12)
    assert got.mean == pytest.approx(0.92)
    assert got.std == pytest.approx(stats.tstd(each))
    assert got.devices == 5


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="out of range"):
        wilson(5, 4)
    with pytest.raises(DataError, match="confidence"):
        wilson(1, 4, 95)
    with pytest.raises(ShapeError):
        paired_difference([True], [True, False])
    with pytest.raises(ShapeError):
        paired_difference([], [])
    with pytest.raises(DataError):
        paired_difference([0, 3], [1, 1])
    with pytest.raises(DataError):
        device_mean([0.9])
