"""Random numbers of the cells (sample, step, neuron) of a run, made 64 neurons at a time so that they vectorise.

The 32-bit word of a cell is a pure function of (key, lane, sample, step, neuron): word (n % 64) // 16 of the
Philox4x32-10 block with the counter (16 (n // 64) + n % 16, step mod 2^32, sample, step // 2^32 + 2^16 lane). Sixteen
blocks give the words of 64 neurons in order, without a shuffle. Normals come from pairs of words by Box-Muller, with
logarithm, sine and cosine as polynomials of correctly rounded operations: they are the same bits on every machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from neurosim.random import philox_reference

__all__ = ["GROUP", "cell_normals", "cell_words", "group_normals", "group_words", "split_key"]

GROUP = 64
"""Neurons whose numbers are made together; a kernel that needs some of them makes them all."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)


def split_key(key: int) -> NDArray[np.uint64]:
    """The two 32-bit halves of a key, as the kernels take them."""
    return np.array([key & 0xFFFFFFFF, key >> 32], np.uint64)


@njit(cache=True, nogil=True, forceinline=True)
def _ten_rounds(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """`neurosim.random.philox`, inlined: LLVM finds it too long to inline by itself, and so would not vectorise."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def group_words(out: Any, group: Any, step: Any, sample: Any, lane: Any, key: Any) -> None:
    """out uint32 [64]: the words of neurons 64 group to 64 group + 63; key uint64 [2] from `split_key`."""
    base = np.uint64(group) * np.uint64(16)
    k0, k1 = key[0], key[1]
    c1, c2 = np.uint64(step) & _LOW, np.uint64(sample) & _LOW
    c3 = (np.uint64(step) >> _32) | (np.uint64(lane) << np.uint64(16))
    w0, w1, w2, w3 = out[0:16], out[16:32], out[32:48], out[48:64]
    for i in range(16):
        a, b, c, d = _ten_rounds(base + np.uint64(i), c1, c2, c3, k0, k1)
        w0[i] = np.uint32(a)
        w1[i] = np.uint32(b)
        w2[i] = np.uint32(c)
        w3[i] = np.uint32(d)


def cell_words(key: int, sample: int, step: int, neurons: ArrayLike, lane: int = 0) -> NDArray[np.uint32]:
    """The words of some neurons in plain Python: what `group_words` computes."""
    halves = (key & 0xFFFFFFFF, key >> 32)
    c3 = step >> 32 | lane << 16
    words = [
        philox_reference((16 * (n // 64) + n % 16, step & 0xFFFFFFFF, sample, c3), halves)[n % 64 // 16]
        for n in np.asarray(neurons).tolist()
    ]
    return np.array(words, np.uint32)


_LN2 = math.log(2.0)
_SQRT2 = math.sqrt(2.0)
_MANTISSA = np.int64(2**52 - 1)
_ONE = np.int64(1023 << 52)
_QUARTER = np.uint32(2**30 - 1)
_TURN = math.pi / 2 * 2.0**-30
_EIGHTH = math.pi / 4


@njit(cache=True, nogil=True, forceinline=True)
def _radius(v: Any, m: Any, e: Any) -> Any:
    """sqrt(-2 ln(v 2^-32)) of v = m 2^e, 1 <= m < 2; the series of artanh, to 1e-15."""
    big = m > _SQRT2
    m = m * (0.5 if big else 1.0)
    e = e + (1.0 if big else 0.0)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1 / 19 * z + 1 / 17
    p = p * z + 1 / 15
    p = p * z + 1 / 13
    p = p * z + 1 / 11
    p = p * z + 1 / 9
    p = p * z + 1 / 7
    p = p * z + 1 / 5
    p = p * z + 1 / 3
    p = p * z + 1.0
    log = (e - 32.0) * _LN2 + 2.0 * s * p
    return math.sqrt(-2.0 * log)


@njit(cache=True, nogil=True, forceinline=True)
def _sine(t: Any, z: Any) -> Any:
    """sin t, |t| <= pi/4, z = t^2: Taylor, to 1e-16."""
    p = -1 / 1307674368000 * z + 1 / 6227020800
    p = p * z - 1 / 39916800
    p = p * z + 1 / 362880
    p = p * z - 1 / 5040
    p = p * z + 1 / 120
    p = p * z - 1 / 6
    return t + t * z * p


@njit(cache=True, nogil=True, forceinline=True)
def _cosine(z: Any) -> Any:
    """cos t, |t| <= pi/4, z = t^2: Taylor, to 1e-16."""
    p = 1 / 20922789888000 * z - 1 / 87178291200
    p = p * z + 1 / 479001600
    p = p * z - 1 / 3628800
    p = p * z + 1 / 40320
    p = p * z - 1 / 720
    p = p * z + 1 / 24
    p = p * z - 1 / 2
    return p * z + 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def group_normals(out: Any, words: Any) -> None:
    """out float64 [64]: standard normals from the words of a group; neurons i and i + 32 share a radius.

    Box-Muller with the radius from (w + 1/2) 2^-32, so that no normal exceeds 6.77 in absolute value (2e-11 of the
    distribution lie outside), and the angle from 2^32 directions: two bits choose a quarter of the circle.
    """
    first, second = words[0:32], words[32:64]
    cosines, sines = out[0:32], out[32:64]
    for i in range(32):
        v = np.float64(first[i]) + 0.5
        b = np.float64(v).view(np.int64)
        m = np.int64((b & _MANTISSA) | _ONE).view(np.float64)
        e = np.float64((b >> np.int64(52)) - np.int64(1023))
        r = _radius(v, m, e)
        w = second[i]
        t = (np.float64(w & _QUARTER) + 0.5) * _TURN - _EIGHTH
        z = t * t
        s = r * _sine(t, z)
        c = r * _cosine(z)
        c = -c if w & np.uint32(2**31) else c
        swap = (w & np.uint32(2**30)) != 0
        cosines[i] = s if swap else c
        sines[i] = c if swap else s


def cell_normals(key: int, sample: int, step: int, neurons: ArrayLike, lane: int = 0) -> NDArray[np.float64]:
    """The normals of some neurons in NumPy, bit for bit what `group_normals` computes."""
    n = np.asarray(neurons)
    pair = n - n % GROUP + n % 32
    v = cell_words(key, sample, step, pair, lane) + 0.5
    m, e = np.frexp(v)
    r = np.array([_radius.py_func(*a) for a in zip(v, m * 2.0, e - 1.0, strict=True)])
    w = cell_words(key, sample, step, pair + 32, lane)
    t = ((w & _QUARTER) + 0.5) * _TURN - _EIGHTH
    z = t * t
    s, c = r * _sine.py_func(t, z), r * _cosine.py_func(z)
    c = np.where(w & np.uint32(2**31), -c, c)
    swap = (w & np.uint32(2**30)) != 0
    return np.where(swap == (n % GROUP < 32), s, c)
