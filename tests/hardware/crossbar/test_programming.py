from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from neurosim.hardware.crossbar.profile import Drift, Faults, ProgrammingError, read_profile
from neurosim.hardware.crossbar.programming import cell_index, drift_factor, program, programming_sigma, stuck
from neurosim.hardware.crossbar.read_noise import read_sigma

N = 100_000  # devices a level; the references have 20,000
STANDARD_ERRORS = 4.0


def model_of(file: Path) -> dict:
    index = json.loads((file.parent / "aihwkit_index.json").read_text())
    return index["models"].get(file.stem.removeprefix("aihwkit_"), {})


def within(sample, mean, std, n_reference):
    """z of mean and of standard deviation, in standard errors of the difference of the two estimates."""
    s = sample.std(axis=-1)
    m4 = ((sample - sample.mean(axis=-1, keepdims=True)) ** 4).mean(axis=-1)
    n = 1.0 / n_reference + 1.0 / sample.shape[-1]
    se_mean = s * np.sqrt(n)
    se_std = np.sqrt(np.maximum(m4 - s**4, 0.0) / np.maximum(4 * s**2, 1e-300)) * np.sqrt(n)
    floor = 1e-12  # S; where both are zero
    return np.abs(sample.mean(axis=-1) - mean) / (se_mean + floor), np.abs(s - std) / (se_std + floor)


def assert_same_distribution(sample, mean, std, n_reference):
    z_mean, z_std = within(sample, mean, std, n_reference)
    assert max(z_mean.max(), z_std.max()) < STANDARD_ERRORS


@pytest.mark.reference(
    "crossbar/aihwkit_pcm_gmax*.npz", "crossbar/aihwkit_hermes_*.npz", "crossbar/aihwkit_state_*.npz"
)
def test_polynomial_programming_error_matches_aihwkit(reference_file: Path):
    model = model_of(reference_file)
    error = ProgrammingError(
        sigma=tuple(c * 1e-6 for c in model["params"]["prog_coeff"]),
        reference=model["params"]["g_max"] * 1e-6,
    )
    if model["cls"] == "PCMLikeNoiseModel(g_max=25)":
        np.testing.assert_allclose(read_profile("pcm").programming.sigma, error.sigma)
        np.testing.assert_allclose(read_profile("pcm").programming.reference, error.reference)
    with np.load(reference_file) as z:
        levels = z["levels"] * 1e-6
        index = np.arange(len(levels) * N).reshape(len(levels), N)
        profile = read_profile("ideal").replace(programming=error)
        sample = program(profile, np.repeat(levels[:, None], N, 1), index, seed=1)
        assert_same_distribution(sample, z["prog_mean"] * 1e-6, z["prog_std"] * 1e-6, int(z["N"]))


@pytest.mark.reference("crossbar/aihwkit_reram_wan_*.npz")
def test_relaxed_rram_matches_aihwkit(reference_file: Path):
    """After a second, a day and two days.

    aihwkit evaluates the polynomial, fitted at 40 uS, at G / g_max and keeps its microsiemens: arrays with another
    g_max get the spread of the same fraction of 40 uS.
    """
    names = {1.0: "rram-wan-1s", 86400.0: "rram-wan-1d", 172800.0: "rram-wan-2d"}
    g_max = model_of(reference_file)["coeff_g_max_reference"] * 1e-6
    with np.load(reference_file) as z:
        levels = z["levels"] * 1e-6
        index = np.arange(len(levels) * N).reshape(len(levels), N)
        for row, t in enumerate(z["t"]):
            profile = read_profile(names[float(t)])
            if "gmax40" in reference_file.stem:  # what it was fitted at
                assert profile.programming.reference == pytest.approx(g_max, rel=1e-12)
            profile = profile.replace(programming=profile.programming.replace(reference=g_max))
            sample = program(profile, np.repeat(levels[:, None], N, 1), index, seed=2)
            assert_same_distribution(sample, z["mean"][row] * 1e-6, z["std"][row] * 1e-6, int(z["N"]))


@pytest.mark.reference("crossbar/aihwkit_pcm_gmax25*.npz")
def test_drift_and_read_noise_of_pcm_match_aihwkit(reference_file: Path):
    n = 40_000
    with np.load(reference_file) as z:
        levels = z["levels"] * 1e-6
        index = np.arange(len(levels) * n).reshape(len(levels), n)
        target = np.repeat(levels[:, None], n, 1)
        for row, t in enumerate(z["t"]):
            pcm = read_profile("pcm")
            pcm = pcm.replace(drift=pcm.drift.replace(age=float(t)))
            written = program(pcm, target, index, seed=3)
            now = written * drift_factor(pcm.drift, target / pcm.g_max, index, seed=3)
            assert_same_distribution(
                now, z["drift_only_mean"][row] * 1e-6, z["drift_only_std"][row] * 1e-6, int(z["N"])
            )
            xi = np.random.default_rng(row).standard_normal(now.shape)
            read = np.maximum(now + read_sigma(pcm, written, now) * xi, 0.0)
            assert_same_distribution(read, z["mean"][row] * 1e-6, z["std"][row] * 1e-6, int(z["N"]))


def test_programming_error_is_a_clamped_normal():
    """Mean and standard deviation of max(0, N(g, sigma)) from SciPy's truncated normal, 4 standard errors."""
    profile = read_profile("rram-wan-1d")
    for level in (0.0, 1e-6, 12e-6, 40e-6):
        sigma = float(programming_sigma(profile.programming, np.array(level)))
        sample = program(profile, np.full(N, level), np.arange(N), seed=0)
        cut = stats.truncnorm(-level / sigma, np.inf, loc=level, scale=sigma)
        p = stats.norm.cdf(level / sigma)
        mean = p * cut.mean()
        std = np.sqrt(p * (cut.var() + cut.mean() ** 2) - mean**2)
        z_mean, z_std = within(sample, mean, std, np.inf)
        assert max(z_mean, z_std) < STANDARD_ERRORS


def test_a_fit_that_turns_negative_is_no_error():
    error = ProgrammingError(sigma=(1e-6, -2e-6), reference=1e-5)
    np.testing.assert_allclose(
        programming_sigma(error, np.array([0.0, 5e-6, 1e-5])), [1e-6, 0.0, 0.0], atol=1e-20
    )


def test_cells_depend_on_their_place_and_the_seed_only():
    profile = read_profile("rram-wan-1d")
    index = cell_index([0, 1, 2], 4, 6)
    assert sorted(index.ravel()) == list(range(3 * 4 * 6))
    whole = program(profile, np.full(index.shape, 1e-5), index, seed=7)
    np.testing.assert_array_equal(
        program(profile, np.full((4, 6), 1e-5), cell_index(1, 4, 6), seed=7), whole[1]
    )
    assert not np.array_equal(program(profile, np.full(index.shape, 1e-5), index, seed=8), whole)


def test_ideal_cells_hold_their_target():
    target = np.linspace(0, 1e-4, 11)
    np.testing.assert_array_equal(program(read_profile("ideal"), target, np.arange(11), seed=0), target)


def test_stuck_cells_have_their_probabilities():
    state = stuck(Faults(stuck_low=0.09, stuck_high=0.02), np.arange(N), seed=4)
    for value, p in ((-1, 0.09), (1, 0.02)):
        assert stats.binomtest(int((state == value).sum()), N, p).pvalue > 1e-4
    assert not stuck(Faults(), np.arange(100), seed=4).any()
    assert (stuck(Faults(stuck_high=1.0), np.arange(100), seed=4) == 1).all()


def test_no_drift_without_a_law():
    np.testing.assert_array_equal(
        drift_factor(Drift(), np.array([0.1, 1.0]), np.arange(2), seed=0), [1.0, 1.0]
    )
