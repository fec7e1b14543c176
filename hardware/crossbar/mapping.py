"""From synapses to tiles: word lines, differential pairs of columns, target conductances.

A projection is cut into blocks of postsynaptic neurons, as many as a tile has pairs of columns; a block's word lines
are the pairs (presynaptic neuron, delay) that have a synapse in it, and fill one tile after the other. The delay itself
lives in the digital buffer in front of the word lines. Column 2c holds the positive, column 2c + 1 the negative part of
the weights of the block's neuron c, one-sided:

    G+ = g_min + k max(w, 0)      G- = g_min + k max(-w, 0)      k = (g_max - g_min) / max|w|

The maximum goes over the projection or over each neuron's weights (`Scaling`); k is undone digitally after the ADC.
Where cells have a number of levels, these are equally spaced from g_min to g_max and targets are the nearest ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection
from neurosim.hardware.crossbar.profile import Profile
from neurosim.hardware.crossbar.programming import programming_sigma
from neurosim.hardware.crossbar.read_noise import read_sigma

__all__ = ["Block", "Scaling", "TileShape", "held_weights", "map_projection", "nearest_level"]

Float = NDArray[np.float64]


class Scaling(Enum):
    """Over which weights the largest one sets the scale from weight to conductance."""

    PROJECTION = "projection"
    """one scale a projection"""
    COLUMN = "column"
    """one scale a postsynaptic neuron: small weights use more of the range; costs a digital multiplication"""


@dataclass(frozen=True)
class TileShape:
    """Word lines and bit lines of a tile; two bit lines carry a signed column."""

    rows: int
    columns: int

    @property
    def pairs(self) -> int:
        """Signed columns of a tile."""
        return self.columns // 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Some postsynaptic neurons of one projection, on one or more tiles that share the columns.

    Attributes:
        projection, pre, post: names.
        first_tile: number of its first tile; the next ones follow.
        neuron: postsynaptic neuron of each pair of columns, int32 ``[c]``.
        scale: k of each pair, S per unit of weight, ``[c]``.
        line_pre, line_delay: presynaptic neuron and delay in steps of each word line, int32 ``[lines]``, sorted by
            (delay, neuron); line l is row l % rows of tile first_tile + l // rows.
        target: conductances, float32 ``[lines, 2 c]`` in S.
        programmed: cells to be programmed, bool ``[lines, 2 c]``; the others stay unformed.
        full_scale: largest current of the ADC of each tile, ``[tiles]`` in A.
    """

    projection: str
    pre: str
    post: str
    first_tile: int
    neuron: NDArray[np.int32]
    scale: Float
    line_pre: NDArray[np.int32]
    line_delay: NDArray[np.int32]
    target: NDArray[np.float32]
    programmed: NDArray[np.bool_]
    full_scale: Float

    @property
    def lines(self) -> int:
        """Word lines in use."""
        return len(self.line_pre)

    def line_at(self, n_pre: int) -> NDArray[np.int32]:
        """Word line of each delay and presynaptic neuron, int32 ``[longest delay + 1, n_pre]``; -1: none."""
        out = np.full((int(self.line_delay.max()) + 1, n_pre), -1, np.int32)
        out[self.line_delay, self.line_pre] = np.arange(self.lines)
        return out

    def tiles(self, shape: TileShape) -> Iterator[tuple[int, slice]]:
        """(number, word lines) of every tile."""
        for i, start in enumerate(range(0, self.lines, shape.rows)):
            yield self.first_tile + i, slice(start, min(start + shape.rows, self.lines))

    def weights(self) -> Float:
        """What the targets stand for, ``[lines, c]``."""
        g = self.target.astype(np.float64)
        return np.asarray((g[:, 0::2] - g[:, 1::2]) / self.scale, np.float64)


def map_projection(
    p: PlanProjection,
    shape: TileShape,
    profile: Profile,
    scaling: Scaling,
    *,
    first_tile: int,
    levels: int | None = None,
) -> list[Block]:
    """The blocks of a projection. Synapses that share word line and neuron share a pair of cells.

    The full scale of each ADC is set so that one spike on every word line does not clip, on practically every device.
    """
    blocks: list[Block] = []
    if not p.n_synapses:
        return blocks
    largest = float(np.abs(p.weight).max())
    used = np.unique(p.target)
    for start in range(0, len(used), shape.pairs):
        neuron = used[start : start + shape.pairs]
        block = _block(p, neuron, shape, profile, scaling, levels, largest, first_tile)
        first_tile += -(-block.lines // shape.rows)
        blocks.append(block)
    return blocks


def held_weights(p: PlanProjection, blocks: Sequence[Block]) -> Float:
    """What the targets stand for, one number a synapse in the order of ``p``; synapses that share a cell share its
    rounding error in proportion."""
    held = np.zeros(p.n_synapses)
    for block in blocks:
        place = np.full(p.n_post, -1, np.int64)
        place[block.neuron] = np.arange(len(block.neuron))
        synapse = np.flatnonzero(place[p.target] >= 0)
        line = block.line_at(p.n_pre)[p.delay[synapse], p.pre_index[synapse]]
        cell = line * len(block.neuron) + place[p.target[synapse]]
        weight = p.weight[synapse].astype(np.float64)
        total = np.bincount(cell, weight, block.target.size // 2)[cell]
        factor = np.divide(
            block.weights().reshape(-1)[cell], total, out=np.ones_like(total), where=total != 0
        )
        held[synapse] = weight * factor
    return held


def nearest_level(weight: Float, largest: Float, levels: int | None) -> Float:
    """Weights that a pair of cells with so many levels holds, ``largest`` being that of the highest one."""
    if levels is None:
        return weight
    step = largest / (levels - 1)
    return np.asarray(np.rint(weight / step) * step)


def _block(
    p: PlanProjection,
    neuron: NDArray[np.int32],
    shape: TileShape,
    profile: Profile,
    scaling: Scaling,
    levels: int | None,
    largest: float,
    first_tile: int,
) -> Block:
    place = np.full(p.n_post, -1, np.int64)
    place[neuron] = np.arange(len(neuron))
    synapse = np.flatnonzero(place[p.target] >= 0)
    column = place[p.target[synapse]]
    code = p.delay[synapse].astype(np.int64) * p.n_pre + p.pre_index[synapse]
    lines, line = np.unique(code, return_inverse=True)
    cell = line * len(neuron) + column
    size = len(lines) * len(neuron)
    summed = np.bincount(cell, p.weight[synapse].astype(np.float64), size)
    weight: Float = np.asarray(summed.reshape(len(lines), len(neuron)), np.float64)
    present = (np.bincount(cell, minlength=size) > 0).reshape(weight.shape)

    top = np.abs(weight).max(axis=0) if scaling is Scaling.COLUMN else np.full(len(neuron), largest)
    top = np.maximum(
        top, np.abs(weight).max(axis=0)
    )  # synapses that share a cell may add up beyond the largest one
    scale = profile.span / np.where(top > 0, top, 1.0)
    weight = nearest_level(weight, np.where(top > 0, top, 1.0), levels)

    idle = profile.g_min if profile.g_unformed is None else profile.g_unformed
    target = np.empty((len(lines), 2 * len(neuron)), np.float32)
    target[:, 0::2] = np.where(present, profile.g_min + np.maximum(weight, 0.0) * scale, idle)
    target[:, 1::2] = np.where(present, profile.g_min + np.maximum(-weight, 0.0) * scale, idle)
    everywhere = profile.g_unformed is None
    programmed = np.repeat(np.ones_like(present) if everywhere else present, 2, axis=1)

    return Block(
        projection=p.name,
        pre=p.pre,
        post=p.post,
        first_tile=first_tile,
        neuron=neuron.astype(np.int32),
        scale=scale,
        line_pre=(lines % p.n_pre).astype(np.int32),
        line_delay=(lines // p.n_pre).astype(np.int32),
        target=target,
        programmed=programmed,
        full_scale=_full_scale(target, programmed, shape, profile),
    )


def _full_scale(
    target: NDArray[np.float32], programmed: NDArray[np.bool_], shape: TileShape, profile: Profile
) -> Float:
    """Per tile: the largest current of one sign that one spike on every word line gives, and four standard deviations
    of what programming and reading add to it."""
    g = target.astype(np.float64)
    difference = g[:, 0::2] - g[:, 1::2]
    variance = np.where(
        programmed, programming_sigma(profile.programming, g) ** 2 + read_sigma(profile, g, g) ** 2, 0.0
    )
    starts = np.arange(0, len(g), shape.rows)
    up = np.add.reduceat(np.maximum(difference, 0.0), starts, axis=0)
    down = np.add.reduceat(np.maximum(-difference, 0.0), starts, axis=0)
    spread = np.sqrt(np.add.reduceat(variance[:, 0::2] + variance[:, 1::2], starts, axis=0))
    return np.asarray((np.maximum(up, down) + 4.0 * spread).max(axis=1) * profile.read_voltage, np.float64)
