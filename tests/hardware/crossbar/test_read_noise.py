from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurosim.hardware.crossbar.profile import ReadNoise, ReadNoiseModel, read_profile
from neurosim.hardware.crossbar.read_noise import clamped_moments, read_moments, read_sigma


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0, 5.0])
def test_clamped_moments_agree_with_scipy(mean):
    sigma = 0.7
    got_mean, got_variance = clamped_moments(np.array([mean]), np.array([sigma]))
    first = stats.norm(mean, sigma).expect(lambda x: max(x, 0.0), lb=0.0)
    second = stats.norm(mean, sigma).expect(lambda x: max(x, 0.0) ** 2, lb=0.0)
    np.testing.assert_allclose(got_mean, first, rtol=1e-7)
    np.testing.assert_allclose(got_variance, second - first**2, rtol=1e-6)


def test_without_noise_the_moments_are_the_conductance():
    g = np.array([0.0, 1e-6])
    mean, variance = read_moments(read_profile("ideal"), g, g)
    np.testing.assert_array_equal(mean, g)
    np.testing.assert_array_equal(variance, 0.0)


def test_additive_noise_of_a_pair_is_the_stated_fraction_of_the_largest_weight():
    profile = read_profile("rram-wan-1d")
    _, variance = read_moments(profile, np.array([0.0]), np.array([0.0]))
    assert np.sqrt(2 * variance[0]) == pytest.approx(0.01 * 40e-6)


def test_flicker_noise_grows_with_the_logarithm_of_the_age():
    profile = read_profile("ideal").replace(
        read_noise=ReadNoise(
            model=ReadNoiseModel.FLICKER, q_scale=0.0088, q_exponent=0.65, q_limit=0.2, t_read=250e-9
        )
    )
    g = np.array([profile.g_max])
    at = {t: read_sigma(profile.replace(drift=profile.drift.replace(age=t)), g, g)[0] for t in (1.0, 1e7)}
    assert at[1.0] == pytest.approx(0.0088 * g[0] * 3.81, rel=0.01)  # sqrt(ln) = 3.81 at 1 s, 5.53 at 1e7 s
    assert at[1e7] == pytest.approx(0.0088 * g[0] * 5.53, rel=0.01)


def test_one_draw_a_column_equals_one_a_cell():
    """Against brute force: every cell redrawn and clamped, 20,000 reads, 4 standard errors."""
    rng = np.random.default_rng(0)
    g, sigma = rng.uniform(0, 1, 30), rng.uniform(0, 0.6, 30)
    x = rng.integers(0, 3, 30)
    brute = np.maximum(g + sigma * rng.standard_normal((20_000, 30)), 0.0) @ x
    mean, variance = clamped_moments(g, sigma)
    expected, std = mean @ x, np.sqrt(variance @ x**2)
    assert abs(brute.mean() - expected) < 4 * std / np.sqrt(len(brute))
    assert abs(brute.std() - std) < 4 * std / np.sqrt(2 * len(brute))
