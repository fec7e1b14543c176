"""From target conductances to the conductances of one device: programming error, stuck cells, drift.

Every cell has its own position (tile, row, column) in the random streams, so a device does not depend on the
order in which its tiles are drawn, on threads or on what runs on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.hardware.crossbar.profile import Drift, Faults, Profile, ProgrammingError

__all__ = ["cell_index", "drift_factor", "program", "programming_sigma", "stuck"]

Float = NDArray[np.float64]


def cell_index(tile: ArrayLike, rows: int, columns: int) -> NDArray[np.int64]:
    """Position of every cell of a tile in the streams of a device, int64 ``[..., rows, columns]``."""
    tiles = np.asarray(tile, np.int64)[..., None, None]
    index: NDArray[np.int64] = (tiles * rows + np.arange(rows)[:, None]) * columns + np.arange(columns)
    return index


def programming_sigma(error: ProgrammingError, target: Float) -> Float:
    """Standard deviation of the programming error in S for targets in S; never negative."""
    if not error.sigma:
        return np.zeros_like(target)
    sigma = np.polynomial.polynomial.polyval(target / error.reference, np.array(error.sigma))
    return np.asarray(np.maximum(sigma, 0.0), np.float64)


def program(profile: Profile, target: Float, index: NDArray[np.int64], *, seed: int) -> Float:
    """Conductances in S after programming: max(0, G + sigma(G) xi).

    Args:
        target: S, any shape.
        index: position of each cell, see `cell_index`; same shape.
        seed: the device.
    """
    sigma = programming_sigma(profile.programming, target)
    if not sigma.any():
        return target.copy()
    xi = random.normal(random.key(seed, "device.program"), index)
    return np.maximum(target + sigma * xi, 0.0)


def stuck(faults: Faults, index: NDArray[np.int64], *, seed: int) -> NDArray[np.int8]:
    """-1 where a cell is stuck at its lowest, +1 at its highest conductance, 0 where it works."""
    if faults.stuck_low == 0 and faults.stuck_high == 0:
        return np.zeros(index.shape, np.int8)
    u = random.uniform(random.key(seed, "device.fault"), index)
    return np.where(u < faults.stuck_low, -1, np.where(u >= 1.0 - faults.stuck_high, 1, 0)).astype(np.int8)


def drift_factor(drift: Drift, g: Float, index: NDArray[np.int64], *, seed: int) -> Float:
    """G(t)/G_P for targets ``g`` in fractions of g_max."""
    if not np.isfinite(drift.t0):
        return np.ones_like(g)
    log_g = np.log(np.maximum(g, 1e-12))
    mean, spread = (
        np.clip(slope * log_g + offset, low, high)
        for slope, offset, low, high in (drift.nu_mean, drift.nu_spread)
    )
    nu = np.abs(mean + spread * random.normal(random.key(seed, "device.drift"), index))
    return np.asarray(((drift.age + drift.t0) / drift.t0) ** -nu, np.float64)
