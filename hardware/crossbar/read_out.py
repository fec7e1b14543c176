"""One step of a block: spikes on the word lines, currents, read noise, ADC, digital sum.

Per tile and pair of columns c, with s_l the spikes on word line l in this step (0, 1, or a count):

    I_c = sum_l s_l i_lc + sqrt(sum_l s_l^2 var_lc) xi        xi standard normal, one a sample, step and pair
    code = clip(rint(I_c / step), -top, top)
    x_neuron(c) += code step / (k_c V)

A pair that no active word line touches carries no current and reads exactly zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim import random
from neurosim.random import philox

__all__ = ["read_block", "read_block_reference"]


@njit(cache=True, inline="always")
def _normal(key: Any, index: Any, lane: Any) -> Any:
    """`neurosim.random.normal` of one index."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = philox(index & mask, index >> shift, lane & mask, lane >> shift, key & mask, key >> shift)
    u = (((c[0] | (c[1] << shift)) >> np.uint64(11)) + np.uint64(1)) * 2.0**-53
    angle = ((c[2] | (c[3] << shift)) >> np.uint64(11)) * (2.0**-53 * 2 * math.pi)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(angle)


@njit(cache=True, nogil=True)
def read_block(
    history: Any,
    now: Any,
    line_pre: Any,
    line_delay: Any,
    rows: Any,
    start: Any,
    column: Any,
    current: Any,
    variance: Any,
    neuron: Any,
    gain: Any,
    adc_step: Any,
    adc_top: Any,
    noise_key: Any,
    noise_first: Any,
    noise_stride: Any,
    pairs: Any,
    lane: Any,
    x: Any,
    saturated: Any,
    histogram: Any,
    bin_width: Any,
) -> None:
    """Add what a block delivers in one step to ``x``.

    Args:
        history: uint8 [B, T, n_pre], spikes of all steps up to the present one.
        now: the present step.
        line_pre, line_delay: int32 [lines].
        rows: word lines of a tile; pairs: signed columns of a tile.
        start, column, current, variance: `Cells` of the block.
        neuron: int32 [c]; gain: float64 [c], weight per ampere.
        adc_step: float64 [tiles], A; adc_top: largest code, float.
        noise_key: uint64; pair c of the block's tile t draws index b * noise_stride + noise_first + t * pairs + c for
            sample b, with ``lane`` the step.
        x: float64 [B, n_post].
        saturated: int64 [B, 2], counts clipped conversions and holds the last neuron that clipped.
        histogram: int64 [tiles, bins] or [0, 0]: counts |I| / bin_width[tile], to calibrate the ADC.
    """
    lines, width = line_pre.shape[0], neuron.shape[0]
    total = np.zeros(width)
    spread = np.zeros(width)
    touched = np.empty(width, np.int32)
    is_touched = np.zeros(width, np.bool_)
    for b in range(history.shape[0]):
        noise_at = noise_first + np.uint64(b) * noise_stride
        for tile in range((lines + rows - 1) // rows):
            n = 0
            for line in range(tile * rows, min(lines, (tile + 1) * rows)):
                emitted = now - line_delay[line]
                if emitted < 0:
                    continue
                count = history[b, emitted, line_pre[line]]
                if count == 0:
                    continue
                s = float(count)
                for e in range(start[line], start[line + 1]):
                    c = column[e]
                    total[c] += s * current[e]
                    spread[c] += s * s * variance[e]
                    if not is_touched[c]:
                        is_touched[c] = True
                        touched[n] = c
                        n += 1
            for i in range(n):
                c = touched[i]
                value = total[c]
                if spread[c] > 0.0:
                    index = noise_at + np.uint64(tile) * pairs + np.uint64(c)
                    value += math.sqrt(spread[c]) * _normal(noise_key, index, lane)
                total[c] = 0.0
                spread[c] = 0.0
                is_touched[c] = False
                if histogram.shape[0] > 0:
                    place = int(abs(value) / bin_width[tile])
                    histogram[tile, min(place, histogram.shape[1] - 1)] += 1
                code = np.rint(value / adc_step[tile])
                if abs(code) > adc_top:
                    code = adc_top if code > 0 else -adc_top
                    saturated[b, 0] += 1
                    saturated[b, 1] = neuron[c]
                x[b, neuron[c]] += code * adc_step[tile] * gain[c]


def read_block_reference(
    history: NDArray[np.uint8],
    now: int,
    line_pre: NDArray[np.int32],
    line_delay: NDArray[np.int32],
    rows: int,
    current: NDArray[np.float64],
    variance: NDArray[np.float64],
    neuron: NDArray[np.int32],
    gain: NDArray[np.float64],
    adc_step: NDArray[np.float64],
    adc_top: float,
    noise_key: int,
    noise_first: int,
    noise_stride: int,
    pairs: int,
    lane: int,
    x: NDArray[np.float64],
) -> None:
    """The same with dense matrices ``current`` and ``variance`` [lines, c] in NumPy, to test the kernel with."""
    emitted = now - line_delay
    s = np.where(emitted >= 0, history[:, np.maximum(emitted, 0), line_pre], 0).astype(np.float64)
    for tile, first in enumerate(range(0, len(line_pre), rows)):
        part = slice(first, first + rows)
        columns = noise_first + tile * pairs + np.arange(len(neuron))
        index = np.arange(len(s))[:, None] * noise_stride + columns
        noise = random.normal(noise_key, index, lane)
        value = s[:, part] @ current[part] + np.sqrt(s[:, part] ** 2 @ variance[part]) * noise
        code = np.clip(np.rint(value / adc_step[tile]), -adc_top, adc_top)
        x[:, neuron] += code * adc_step[tile] * gain
