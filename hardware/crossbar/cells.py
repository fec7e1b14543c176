"""The cells of one device: what each synapse of a block really carries once the device effects are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.crossbar.circuit import transfer
from neurosim.hardware.crossbar.mapping import Block, TileShape
from neurosim.hardware.crossbar.profile import Drift, Profile
from neurosim.hardware.crossbar.programming import drift_factor, program, stuck
from neurosim.hardware.crossbar.read_noise import read_moments

__all__ = ["Cells", "Compensation", "draw", "read_conductances"]

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Differences of pairs of cells in compressed rows; pairs that differ by nothing and have no noise are left out.

    Attributes:
        start: int64 ``[lines + 1]``.
        column: int32 ``[entries]``, pair of columns.
        moments: mean current of one spike in A and its variance in A^2, ``[2, entries]``.
        correction: digital factor on the block's currents, see `Compensation`.
    """

    start: NDArray[np.int64]
    column: NDArray[np.int32]
    moments: Float
    correction: float = 1.0


class Compensation(Enum):
    """What is done digitally about drift."""

    NONE = "none"
    """nothing"""
    GLOBAL = "global"
    """one factor a block: its summed absolute currents, word line by word line, right after programming over those now
    (Joshi et al., Nat. Commun. 11, 2473 (2020), calibrate with such a factor)"""


def read_conductances(block: Block, shape: TileShape, profile: Profile, *, seed: int) -> tuple[Float, Float]:
    """Mean (S) and variance (S^2) of a read of every cell of a block, ``[lines, 2 c]``, for the device ``seed``.

    A stuck cell is at g_min or g_max, does not drift and reads without noise.
    """
    g = block.target.astype(np.float64)
    variance = np.zeros_like(g)
    place = np.flatnonzero(block.programmed)
    index = _index(block, shape).reshape(-1)
    flat, flat_variance = g.reshape(-1), variance.reshape(-1)
    target = flat[place]
    written = program(profile, target, index[place], seed=seed)
    now = written * drift_factor(profile.drift, target / profile.g_max, index[place], seed=seed)
    flat[place], flat_variance[place] = read_moments(profile, written, now)
    state = stuck(profile.faults, index, seed=seed)
    if state.any():
        flat[state < 0], flat[state > 0] = profile.g_min, profile.g_max
        flat_variance[state != 0] = 0.0
    return g, variance


def draw(
    block: Block,
    shape: TileShape,
    profile: Profile,
    *,
    seed: int,
    wire: float = 0.0,
    compensation: Compensation = Compensation.NONE,
) -> Cells:
    """The block on the device ``seed``.

    Args:
        wire: resistance of a segment of word and bit line in ohm; idle word lines are grounded. Costs one factorisation
            and one solve a column for every tile.
    """
    g, variance = read_conductances(block, shape, profile, seed=seed)
    if wire > 0:
        g, variance = _through_wires(g, variance, block, shape, profile, wire)
    difference = g[:, 0::2] - g[:, 1::2]
    both = variance[:, 0::2] + variance[:, 1::2]
    correction = 1.0
    if compensation is Compensation.GLOBAL and np.isfinite(profile.drift.t0):
        fresh, no_noise = read_conductances(block, shape, profile.replace(drift=Drift()), seed=seed)
        if wire > 0:
            fresh, _ = _through_wires(fresh, no_noise, block, shape, profile, wire)
        now = float(np.abs(difference).sum())
        correction = float(np.abs(fresh[:, 0::2] - fresh[:, 1::2]).sum()) / now if now > 0 else 1.0
    line, column = np.nonzero((difference != 0) | (both != 0))
    start = np.zeros(block.lines + 1, np.int64)
    np.cumsum(np.bincount(line, minlength=block.lines), out=start[1:])
    v = profile.read_voltage
    return Cells(
        start=start,
        column=column.astype(np.int32),
        moments=np.stack([difference[line, column] * v, both[line, column] * v * v]),
        correction=correction,
    )


def _index(block: Block, shape: TileShape) -> NDArray[np.int64]:
    """`cell_index` of every cell of the block: its lines are rows of consecutive tiles."""
    line = np.arange(block.lines, dtype=np.int64) + block.first_tile * shape.rows
    return np.asarray(line[:, None] * shape.columns + np.arange(block.target.shape[1]), np.int64)


def _through_wires(
    g: Float, variance: Float, block: Block, shape: TileShape, profile: Profile, wire: float
) -> tuple[Float, Float]:
    """Effective conductances of every tile as a whole, unused rows and columns included."""
    idle = profile.g_min if profile.g_unformed is None else profile.g_unformed
    out = np.empty_like(g)
    for _, lines in block.tiles(shape):
        whole = np.full((shape.rows, shape.columns), idle)
        rows, columns = lines.stop - lines.start, g.shape[1]
        whole[:rows, :columns] = g[lines]
        out[lines] = transfer(whole, r_word=wire, r_bit=wire)[:rows, :columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        attenuation = np.where(g > 0, out / g, 1.0)
    return out, variance * attenuation**2
