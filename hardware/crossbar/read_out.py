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
from scipy.special import ndtri

from neurosim.random import philox, philox_reference

__all__ = ["noise_index", "normal_of_word", "read_block", "read_block_reference"]


# Coefficients of the inverse normal distribution function: P. J. Acklam, "An algorithm for computing the inverse normal
# cumulative distribution function" (2003).
A0, A1, A2 = -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02
A3, A4, A5 = 1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00
B0, B1, B2 = -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02
B3, B4 = 6.680131188771972e01, -1.328068155288572e01
C0, C1, C2 = -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00
C3, C4, C5 = -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00
D0, D1, D2, D3 = 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00


@njit(cache=True, inline="always")
def normal_of_word(word: Any) -> Any:
    """Standard normal quantile of (word + 1/2) / 2^32 for 32 random bits.

    Acklam's rational approximation (2003), relative error below 1.2e-9; no logarithm in 95 % of cases.
    """
    p = (float(word) + 0.5) * 2.0**-32
    tail = min(p, 1.0 - p)
    if tail >= 0.02425:
        q = p - 0.5
        r = q * q
        top = (((((A0 * r + A1) * r + A2) * r + A3) * r + A4) * r + A5) * q
        return top / (((((B0 * r + B1) * r + B2) * r + B3) * r + B4) * r + 1.0)
    q = math.sqrt(-2.0 * math.log(tail))
    z = (((((C0 * q + C1) * q + C2) * q + C3) * q + C4) * q + C5) / (
        (((D0 * q + D1) * q + D2) * q + D3) * q + 1.0
    )
    return z if p < 0.5 else -z


@njit(cache=True, nogil=True)
def read_block(
    history: Any,
    now: Any,
    line_at: Any,
    rows: Any,
    start: Any,
    column: Any,
    moments: Any,
    neuron: Any,
    gain: Any,
    adc_step: Any,
    adc_top: Any,
    noise_key: Any,
    noise_first: Any,
    noise_stride: Any,
    groups: Any,
    lane: Any,
    x: Any,
    saturated: Any,
    histogram: Any,
    bin_width: Any,
) -> None:
    """Add what a block delivers in one step to ``x``.

    Args:
        history: uint8 [B, T, 8 w], spikes of all steps up to the present one; at least n_pre wide.
        now: the present step.
        line_at: int32 [D, n_pre], word line of each delay and presynaptic neuron, -1 where there is none. Lines are
            numbered in this order.
        rows: word lines of a tile.
        start, column, moments: `Cells` of the block.
        neuron: int32 [c]; gain: float64 [c], weight per ampere.
        adc_step: float64 [tiles], A; adc_top: largest code, float.
        noise_key, noise_first, noise_stride, groups, lane: see `noise_index`; uint64.
        x: float64 [B, n_post].
        saturated: int64 [B, 2], counts clipped conversions and holds the last neuron that clipped.
        histogram: int64 [tiles, bins] or [0, 0]: counts |I| / bin_width[tile], to calibrate the ADC.
    """
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    width, n_pre = neuron.shape[0], line_at.shape[1]
    packed = history.view(np.uint64)
    total = np.zeros(width)
    spread = np.zeros(width)
    touched = np.empty(width, np.int32)
    is_touched = np.zeros(width, np.bool_)
    words = np.empty(((width + 3) // 4, 4), np.uint64)
    is_drawn = np.zeros((width + 3) // 4, np.bool_)
    active = np.empty(n_pre * line_at.shape[0] + 1, np.int32)
    counts = np.empty(n_pre * line_at.shape[0], np.uint8)
    for b in range(history.shape[0]):
        lines = 0
        for delay in range(min(line_at.shape[0], now + 1)):
            step = now - delay
            for w in range(packed.shape[2]):
                if packed[b, step, w] == 0:
                    continue
                for pre in range(8 * w, min(8 * w + 8, n_pre)):
                    if history[b, step, pre] != 0 and line_at[delay, pre] >= 0:
                        active[lines] = line_at[delay, pre]
                        counts[lines] = history[b, step, pre]
                        lines += 1
        noise_at = noise_first + np.uint64(b) * noise_stride
        i = 0
        while i < lines:
            tile = active[i] // rows
            end = (tile + 1) * rows
            n = 0
            while i < lines and active[i] < end:
                line, s = active[i], float(counts[i])
                i += 1
                first = start[line]
                if start[line + 1] - first == width:  # every column: no indirection, so that it is vectorised
                    for c in range(width):
                        total[c] += s * moments[0, first + c]
                        spread[c] += s * s * moments[1, first + c]
                    if n < width:
                        n = width
                        for c in range(width):
                            touched[c] = c
                            is_touched[c] = True
                    continue
                for e in range(first, start[line + 1]):
                    c = column[e]
                    total[c] += s * moments[0, e]
                    spread[c] += s * s * moments[1, e]
                    if not is_touched[c]:
                        is_touched[c] = True
                        touched[n] = c
                        n += 1
            is_drawn[:] = False
            for j in range(n):
                c = touched[j]
                value = total[c]
                if spread[c] > 0.0:
                    g = c >> 2
                    if not is_drawn[g]:
                        is_drawn[g] = True
                        at = noise_at + np.uint64(tile) * groups + np.uint64(g)
                        block = philox(
                            at & mask,
                            at >> shift,
                            lane & mask,
                            lane >> shift,
                            noise_key & mask,
                            noise_key >> shift,
                        )
                        words[g, 0], words[g, 1], words[g, 2], words[g, 3] = block
                    value += math.sqrt(spread[c]) * normal_of_word(words[g, c & 3])
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


def noise_index(sample: int, tile: int, pair: int, *, tiles: int, pairs: int) -> tuple[int, int]:
    """Where the read noise of a pair of columns comes from: (index, word) of a Philox block.

    Four neighbouring pairs share the four words of the block with the key of ``device.read``, index
    (sample * tiles + tile) * groups + pair // 4 (groups = ceil(pairs / 4)) and the step as lane.
    """
    groups = -(-pairs // 4)
    return (sample * tiles + tile) * groups + pair // 4, pair % 4


def read_block_reference(
    history: NDArray[np.uint8],
    now: int,
    line_at: NDArray[np.int32],
    rows: int,
    current: NDArray[np.float64],
    variance: NDArray[np.float64],
    neuron: NDArray[np.int32],
    gain: NDArray[np.float64],
    adc_step: NDArray[np.float64],
    adc_top: float,
    noise_key: int,
    first_tile: int,
    tiles: int,
    pairs: int,
    x: NDArray[np.float64],
) -> None:
    """The same with dense matrices ``current`` and ``variance`` [lines, c] in NumPy, to test the kernel with.

    ``first_tile`` is the block's, ``tiles`` and ``pairs`` (of a tile) are those of the whole machine.
    """
    delay, pre = np.nonzero(line_at >= 0)
    delay, pre = (v[np.argsort(line_at[delay, pre])] for v in (delay, pre))
    past = now - delay
    s = np.where(past >= 0, history[:, np.maximum(past, 0), pre], 0).astype(np.float64)
    for tile, first in enumerate(range(0, len(pre), rows)):
        part = slice(first, first + rows)
        noise = np.empty((len(s), len(neuron)))
        for b, c in np.ndindex(*noise.shape):
            index, word = noise_index(b, first_tile + tile, c, tiles=tiles, pairs=pairs)
            counter = (index & 0xFFFFFFFF, index >> 32, now, 0)
            block = philox_reference(counter, (noise_key & 0xFFFFFFFF, noise_key >> 32))
            noise[b, c] = ndtri((block[word] + 0.5) * 2.0**-32)
        value = s[:, part] @ current[part] + np.sqrt(s[:, part] ** 2 @ variance[part]) * noise
        code = np.clip(np.rint(value / adc_step[tile]), -adc_top, adc_top)
        x[:, neuron] += code * adc_step[tile] * gain
