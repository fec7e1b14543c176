from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import optimize, stats

from neurosim.errors import DescriptionError
from neurosim.hardware.crossbar.converters import best_range, largest_code, quantise, step_size

# CrossSim's arrays have G_min = 0.01 G_max; its converters see currents in units of G_max V_max
SPAN = 0.99


def agree(got, want, step):
    """CrossSim multiplies in single precision: a value within 1e-6 of a code's edge may land on its neighbour."""
    difference = np.abs(got - want)
    assert (difference < 1e-5).mean() > 0.99
    assert difference.max() < 1.01 * step + 1e-5


@pytest.mark.reference("crossbar/crosssim_mvm*.npz")
@pytest.mark.parametrize("bits", [4, 8])
def test_adc_matches_crosssim(reference_file: Path, bits):
    with np.load(reference_file) as z:
        got = quantise(SPAN * z["W"] @ z["X"], 4.0, bits) / SPAN
        agree(got, z[f"adc_sm{bits}_cal4_Y"], step_size(4.0, bits) / SPAN)


@pytest.mark.reference("crossbar/crosssim_mvm*.npz")
@pytest.mark.parametrize("bits", [4, 8])
def test_dac_matches_crosssim(reference_file: Path, bits):
    with np.load(reference_file) as z:
        agree(z["W"] @ quantise(z["X"], 1.0, bits), z[f"dac_sm{bits}_Y"], 1e-5)


@given(bits=st.integers(2, 24), scale=st.floats(1e-9, 1e9), x=st.floats(-2e9, 2e9))
def test_quantising_is_symmetric_bounded_and_idempotent(bits, scale, x):
    got = float(quantise(x, scale, bits))
    assert quantise(0.0, scale, bits) == 0.0
    assert quantise(-x, scale, bits) == -got
    assert abs(got) <= scale * (1 + 1e-12)
    if abs(x) <= scale:
        assert abs(got - x) <= 0.5 * float(step_size(scale, bits)) * (1 + 1e-9)
    assert quantise(got, scale, bits) == got


def test_a_silent_column_without_range_gives_zero():
    assert quantise(0.0, 0.0, 8) == 0.0


def test_best_range_clips_a_rare_outlier_only_when_bits_are_few():
    magnitude = np.linspace(0, 10, 1001)
    count = np.zeros(1001, np.int64)
    count[:101], count[-1] = 10_000, 1  # a million values up to 1, one of 10
    assert best_range(magnitude, count, 3) < 2.0
    assert best_range(magnitude, count, 16) == pytest.approx(10.0)
    assert best_range(magnitude, np.zeros(1001, np.int64), 8) == 0.0


def test_best_range_of_a_normal_is_the_least_square_quantiser():
    """Against the numerical minimum over the step of E[(Q(x) - x)^2], 15 mid-tread levels, standard normal (about
    0.353 sigma; Max, IRE Trans. Inf. Theory 6 (1960), tabulates such steps)."""

    def error(step):
        grid = np.arange(-7, 8) * step
        edges = np.concatenate([[-np.inf], (grid[:-1] + grid[1:]) / 2, [np.inf]])
        p = np.diff(stats.norm.cdf(edges))
        first = -np.diff(stats.norm.pdf(edges))
        return 1.0 - 2.0 * grid @ first + grid**2 @ p

    best = optimize.minimize_scalar(error, bounds=(0.1, 1.0), method="bounded").x
    magnitude = np.linspace(0, 6, 6001)
    count = (1e6 * np.exp(-0.5 * magnitude**2)).astype(np.int64)
    got = best_range(magnitude, count, 4, candidates=600) / largest_code(4)
    assert got == pytest.approx(best, abs=6 / 600 / 7 + 1e-3)  # one candidate, plus the histogram's end


def test_one_bit_is_refused():
    with pytest.raises(DescriptionError, match="2 bits"):
        quantise(1.0, 1.0, 1)
