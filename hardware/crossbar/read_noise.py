"""Read noise of cells, and its exact effect on a column.

A column sums independent cells, so with inputs x_i its current has the mean sum_i m_i x_i and the variance
sum_i s_i^2 x_i^2: one Gaussian draw a column and step replaces one a cell. m and s^2 are the mean and the
variance of a single read, clamp at zero included. Reads of different steps are independent here (white); in a
real cell 1/f and telegraph noise are correlated over steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from neurosim.hardware.crossbar.profile import Profile, ReadNoiseModel

__all__ = ["clamped_moments", "read_moments", "read_sigma"]

Float = NDArray[np.float64]


def read_sigma(profile: Profile, programmed: Float, now: Float) -> Float:
    """Standard deviation of one read in S.

    Args:
        programmed: conductance right after programming, S.
        now: conductance at the time of the read (after drift), S.
    """
    noise = profile.read_noise
    if noise.model is ReadNoiseModel.ADDITIVE:
        # stated for a weight; the two cells of its pair share the variance
        return np.full_like(now, noise.additive * profile.span / math.sqrt(2.0))
    if noise.model is ReadNoiseModel.FLICKER:
        g = programmed / profile.g_max
        q = np.minimum(noise.q_scale / np.maximum(g**noise.q_exponent, 1e-3), noise.q_limit)
        start = profile.drift.t0 if math.isfinite(profile.drift.t0) else 0.0
        periods = (profile.drift.age + start + noise.t_read) / (2.0 * noise.t_read)
        return np.asarray(now * q * math.sqrt(max(math.log(periods), 0.0)), np.float64)
    return np.zeros_like(now)


def clamped_moments(mean: Float, sigma: Float) -> tuple[Float, Float]:
    """Mean and variance of max(0, mean + sigma xi), xi standard normal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(sigma > 0, mean / sigma, np.inf)
    above = ndtr(z)
    density: Any = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    first = mean * above + sigma * density
    with np.errstate(invalid="ignore"):
        second = (mean**2 + sigma**2) * above + mean * sigma * density
    variance = np.where(sigma > 0, np.maximum(second - first**2, 0.0), 0.0)
    return np.where(sigma > 0, first, mean), variance


def read_moments(profile: Profile, programmed: Float, now: Float) -> tuple[Float, Float]:
    """Mean in S and variance in S^2 of one read of every cell.

    A conductance is clamped at 0; an output-referred error is not, it belongs to no single cell.
    """
    sigma = read_sigma(profile, programmed, now)
    if profile.read_noise.model is ReadNoiseModel.ADDITIVE:
        return now, sigma**2
    return clamped_moments(now, sigma)
