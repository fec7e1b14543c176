r"""From sound to spikes, sample by sample: resonators, hair cell, ganglion cells; see their modules for the formulas.

The hair cell is integrated with its slow stores held for a sample and the cleft, which is fast, solved exactly; its
fixed points are those of the equations. A ganglion cell follows the fibre's rate R through a leaky membrane,

    tau dV/dt = R - V;      V >= theta  ->  spike, V <- 0 and held there for the refractory time,

so that thresholds are rates in Hz. Times of spikes are interpolated between samples. All operations are additions,
multiplications and divisions in a fixed order: the same numbers on every machine that computes in IEEE double.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.datasets.sensors.gammatone import ORDER

__all__ = ["fire", "fire_reference"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def fire(
    sound: Any, a_re: Any, a_im: Any, gain: Any, cell: Any, decay: Any, threshold: Any, held_steps: Any,
    stores: Any, out_n: Any, out_part: Any, out_cell: Any,
) -> int:  # fmt: skip
    """All spikes of all cells in the order of samples; returns their number.

    Args:
        sound: float64 ``[samples]``.
        a_re, a_im, gain: float64 ``[channels]``: pole and input gain of each band.
        cell: float64 ``[9]``: offset A, half B, then per sample g dt, y dt, x dt, r dt; then the part of the cleft that
            stays after a sample, the part of what is let out that it gains, and the firing rate h.
        decay: what stays of V after a sample.
        threshold: float64 ``[cells, channels]``, Hz.
        held_steps: samples for which a cell is held after a spike.
        stores: float64 ``[3, channels]``: q, c, w at the start, and at the end.
        out_n, out_part, out_cell: int64 ``[m]``, float64 ``[m]``, int64 ``[m]``: sample before the spike, part of a
            sample after it, and ``cell * channels + channel``. Spikes beyond m are counted, not written.
    """
    channels, cells = a_re.size, threshold.shape[0]
    z = np.zeros((ORDER, 2, channels))
    v = np.zeros((cells, channels))
    rate = np.zeros(channels)
    held = np.zeros((cells, channels), np.int64)
    q, c, w = stores[0], stores[1], stores[2]
    offset, half, g, y, x, r, stays, adds, h = cell
    count = 0
    for n in range(sound.size):
        for j in range(channels):
            re, im = gain[j] * sound[n], 0.0
            for k in range(ORDER):
                if k:
                    re, im = gain[j] * re, gain[j] * im
                old_re, old_im = z[k, 0, j], z[k, 1, j]
                re += a_re[j] * old_re - a_im[j] * old_im
                im += a_re[j] * old_im + a_im[j] * old_re
                z[k, 0, j], z[k, 1, j] = re, im
            s = max(2.0 * re + offset, 0.0)
            let_out = g * s / (s + half) * q[j]
            back = x * w[j]
            q[j] += y * (1.0 - q[j]) + back - let_out
            c[j] = stays * c[j] + adds * let_out
            w[j] += r * c[j] - back
            rate[j] = h * c[j]
        for i in range(cells):
            for j in range(channels):
                before = v[i, j]
                now = rate[j] + decay * (before - rate[j])
                if held[i, j] > 0:
                    held[i, j] -= 1
                    now = 0.0
                elif now >= threshold[i, j]:
                    if count < out_n.size:
                        out_n[count] = n
                        out_part[count] = (threshold[i, j] - before) / (now - before)
                        out_cell[count] = i * channels + j
                    count += 1
                    held[i, j] = held_steps
                    now = 0.0
                v[i, j] = now
    return count


def fire_reference(
    sound: Floats, a_re: Floats, a_im: Floats, gain: Floats, cell: Floats, decay: float, threshold: Floats,
    held_steps: int, stores: Floats,
) -> tuple[Ints, Floats, Ints]:  # fmt: skip
    """The same in plain NumPy, all channels side by side. Returns (sample, part, cell)."""
    cells, channels = threshold.shape
    z = np.zeros((ORDER, 2, channels))
    v, held = np.zeros((cells, channels)), np.zeros((cells, channels), np.int64)
    q, c, w = stores
    offset, half, g, y, x, r, stays, adds, h = cell
    found: list[tuple[Ints, Floats, Ints]] = []
    for n, u in enumerate(sound):
        re, im = gain * u, np.zeros(channels)
        for k in range(ORDER):
            if k:
                re, im = gain * re, gain * im
            old_re, old_im = z[k].copy()
            re = re + (a_re * old_re - a_im * old_im)
            im = im + (a_re * old_im + a_im * old_re)
            z[k] = re, im
        s = np.maximum(2.0 * re + offset, 0.0)
        let_out = g * s / (s + half) * q
        back = x * w
        q += y * (1.0 - q) + back - let_out
        c[:] = stays * c + adds * let_out
        w += r * c - back
        rate = h * c
        now = rate + decay * (v - rate)
        busy = held > 0
        spikes = ~busy & (now >= threshold)
        at = np.flatnonzero(spikes)
        part = ((threshold - v)[spikes]) / ((now - v)[spikes])
        found.append((np.full(len(at), n), part, at))
        held = np.where(spikes, held_steps, np.maximum(held - 1, 0))
        v = np.where(busy | spikes, 0.0, now)
    sample, part, which = (np.concatenate([f[i] for f in found]) for i in range(3))
    return sample.astype(np.int64), part, which.astype(np.int64)
