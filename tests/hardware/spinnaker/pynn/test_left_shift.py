"""Left shifts: what a cell must hold. The estimate of sums is tested on whole networks in test_emulator.py."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.pynn.left_shift import ProjectionStatistics, expected_sum, shift_for


@given(st.floats(1e-6, 1e4))
def test_the_shift_is_the_smallest_above_the_sum(largest):
    shift = shift_for(largest)
    assert 2.0**shift > largest
    assert shift == 0 or 2.0 ** (shift - 1) <= largest


@pytest.mark.parametrize(("largest", "shift"), [(0.0, 0), (0.5, 0), (1.0, 1), (2.0, 2), (2.5, 2)])
def test_known_shifts(largest, shift):
    assert shift_for(largest) == shift


def test_equal_delays_take_the_whole_sum():
    p = ProjectionStatistics(fan_in=10, mean=0.5, variance=0.0, largest=0.5, delay_variance=0.0)
    assert expected_sum([p], 1000) == 5.0


def test_spread_delays_take_less_but_never_less_than_one_weight():
    """10 synapses of 0.5 at 30 Hz: mean 0.15, five deviations above it are 0.15 + 5 sqrt(0.3 / 4)."""
    p = ProjectionStatistics(fan_in=10, mean=0.5, variance=0.0, largest=0.5, delay_variance=1.0)
    assert expected_sum([p], 1000) == pytest.approx(0.15 + 5 * (0.3 * 0.25) ** 0.5)
    assert expected_sum([p], 1000, sigma=0.0) == 0.5


def test_nothing_comes_in():
    assert expected_sum([], 1000) == 0.0
