r"""The pixel of an event camera: it compares log intensity with what it was at its last event.

With L(t) the log intensity and M the level that the pixel remembers, d = L - M:

    d >= theta_on   ->  ON event          d <= -theta_off  ->  OFF event
    then M <- L, and for the refractory time the pixel is held in reset: M follows L and d stays 0.

M leaks downwards at a constant rate, so that an idle pixel sends ON events now and then. A noise event is an event that
comes without a crossing; it resets the pixel like any other, and one that finds the pixel held is lost.
L is linear between the times at which it is given, so crossings are solved for, not searched on a grid.

Sources:
    P. Lichtsteiner, C. Posch, T. Delbruck, "A 128 x 128 120 dB 15 us latency asynchronous temporal contrast vision
    sensor", IEEE JSSC 43(2), 2008: the pixel, its reset and its leak.
    H. Rebecq, D. Gehrig, D. Scaramuzza, "ESIM: an open event camera simulator", CoRL 2018: L linear between frames.
    Y. Hu, S.-C. Liu, T. Delbruck, "v2e: from video frames to realistic DVS events", CVPRW 2021: leak and shot noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["emit", "emit_reference"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def emit(
    level: Any, time: Any, on: Any, off: Any, leak: Any, start: Any, refractory: Any,
    noise_first: Any, noise_t: Any, noise_p: Any, out_t: Any, out_pixel: Any, out_p: Any,
) -> int:  # fmt: skip
    """All events of all pixels, pixel after pixel; returns their number.

    Args:
        level: float64 ``[n, k]``, log intensity of each pixel at each of the times.
        time: float64 ``[k]``, microseconds, increasing.
        on, off: float64 ``[n]``, the two contrast thresholds (> 0).
        leak: float64 ``[n]``, log units per microsecond (>= 0).
        start: float64 ``[n]``, d at the first time.
        refractory: microseconds.
        noise_first, noise_t, noise_p: int64 ``[n + 1]``, float64 and uint8 ``[m]``: time and polarity of the noise
            events of pixel i are entries ``noise_first[i]`` to ``noise_first[i + 1] - 1``, in order of time.
        out_t, out_pixel, out_p: int64 ``[c]``, int64 ``[c]``, uint8 ``[c]``: filled with the events (times floored).
            Events beyond the capacity c are counted but not written: call again with enough.
    """
    count = 0
    for i in range(level.shape[0]):
        d = start[i]
        release = time[0]
        q, q_end = noise_first[i], noise_first[i + 1]
        for k in range(time.size - 1):
            now, end = time[k], time[k + 1]
            slope = (level[i, k + 1] - level[i, k]) / (end - now) + leak[i]
            while True:
                if now < release:
                    if release >= end:
                        break
                    now = release
                while q < q_end and noise_t[q] < now:
                    q += 1
                polarity = 0
                at = np.inf
                if slope > 0.0:
                    at = max(now + (on[i] - d) / slope, now)
                    polarity = 1
                elif slope < 0.0:
                    at = max(now + (-off[i] - d) / slope, now)
                if q < q_end and noise_t[q] < at and noise_t[q] < end:
                    at = noise_t[q]
                    polarity = noise_p[q]
                    q += 1
                if at >= end:
                    d += slope * (end - now)
                    break
                if count < out_t.size:
                    out_t[count] = int(at)
                    out_pixel[count] = i
                    out_p[count] = polarity
                count += 1
                d = 0.0
                now = at
                release = at + refractory
    return count


def emit_reference(
    level: Floats, time: Floats, on: Floats, off: Floats, leak: Floats, start: Floats, refractory: float,
    noise_first: Ints, noise_t: Floats, noise_p: NDArray[np.uint8],
) -> tuple[Ints, Ints, NDArray[np.uint8]]:  # fmt: skip
    """The same in plain NumPy, all pixels side by side. Returns (t, pixel, p), pixel after pixel."""
    n = len(level)
    d, release = start.copy(), np.full(n, time[0])
    q, last = noise_first[:-1].copy(), noise_first[1:]
    padded = np.append(noise_t, np.inf)
    found: list[tuple[Ints, Ints, NDArray[Any]]] = []
    for k in range(len(time) - 1):
        end = time[k + 1]
        slope = (level[:, k + 1] - level[:, k]) / (end - time[k]) + leak
        now = np.full(n, time[k])
        busy = np.ones(n, bool)
        while busy.any():
            busy &= ~((now < release) & (release >= end))
            now = np.where(busy, np.maximum(now, release), now)
            while (stale := busy & (q < last) & (padded[q] < now)).any():
                q += stale
            noise = np.where(q < last, padded[q], np.inf)
            with np.errstate(divide="ignore", invalid="ignore"):
                crossing = np.maximum(now + (np.where(slope > 0, on, -off) - d) / slope, now)
            crossing = np.where(slope == 0, np.inf, crossing)
            by_noise = (noise < crossing) & (noise < end)
            at = np.where(by_noise, noise, crossing)
            done = busy & (at >= end)
            d[done] += slope[done] * (end - now[done])
            fired = np.flatnonzero(busy & (at < end))
            polarity = np.where(by_noise[fired], np.append(noise_p, 0)[q[fired]], slope[fired] > 0)
            found.append((at[fired].astype(np.int64), fired, polarity))
            q[fired] += by_noise[fired]
            d[fired], now[fired], release[fired] = 0.0, at[fired], at[fired] + refractory
            busy &= ~done
    t, pixel, p = (np.concatenate([f[j] for f in found]) for j in range(3))
    order = np.argsort(pixel, kind="stable")
    return t[order], pixel[order], p[order].astype(np.uint8)
