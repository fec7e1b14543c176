"""Scales of potentials: powers of two within the range of s16.15."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.spinnaker.quantise.potential_scale import (
    RANGE,
    leaky_scale,
    perfect_scale,
    power_of_two,
)

one = np.ones(1)


@given(st.floats(1e-12, 1e12))
def test_power_of_two(x):
    p = power_of_two(x)
    assert p <= x < 2 * p
    assert np.log2(p) % 1 == 0


@given(st.floats(0.01, 1e4), st.floats(0.0, 50.0), st.floats(-100, 100), st.floats(0.001, 1.0))
def test_drives_fit(threshold, jumps, rest, leak):
    """|alpha| + |V| stays within s16.15, and no more range than needed is given away."""
    v_rest = rest * one
    levels = [v_rest, v_rest - 0.1, v_rest, v_rest + threshold]
    jump = jumps * threshold * one
    placed = leaky_scale(levels, v_rest, v_rest + threshold, jump, 0 * one, leak * one)
    assert placed.offset == rest
    need = 2 * max(jump[0] / leak, threshold)
    assert need * placed.scale <= 2 * RANGE
    assert 2 * jump[0] / leak * placed.scale <= RANGE
    assert 4 * need * placed.scale >= RANGE or placed.scale * (threshold + 0.1) > 4096 / 2
    assert placed.sticks == pytest.approx(2**-15 / placed.scale / leak / (threshold + 0.1))


@given(st.floats(0.1, 100), st.booleans(), st.floats(0.0, 10.0))
def test_perfect_integration_stays_in_the_range_without_leak(threshold, inhibited, reach):
    placed = perfect_scale(0 * one, 0 * one, threshold * one, reach * threshold * one, inhibited)
    low = -threshold if inhibited else 0.0
    assert placed.v_rest[0] == placed.offset == pytest.approx(low)
    assert (threshold - low) * placed.scale <= 0.5
    assert reach * threshold * placed.scale <= 4.0
