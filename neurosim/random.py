"""Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

A number is a pure function of (seed, purpose, names, index, lane): it does not depend on the order of calls, on threads
or on the batch. Bits and uniforms are identical on every machine; normals (Box-Muller) agree to a few ulp of the
platform's log and cos.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError

__all__ = [
    "PURPOSES",
    "below",
    "bits",
    "key",
    "normal",
    "permutation",
    "philox",
    "philox_reference",
    "uniform",
]

PURPOSES = frozenset(
    {
        "connect", "weight", "delay", "init", "source", "drive", "rewire", "dropout", "encode", "feedback", "retina",
        "split", "shuffle", "check", "device.program", "device.read", "device.fault", "device.drift", "device.pulse",
        "device.noise",
    }
)  # fmt: skip

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF


def key(seed: int, purpose: str, *names: str | int) -> int:
    """The 64-bit key of one stream: a hash of the seed, the purpose (one of `PURPOSES`) and the names of the thing."""
    if purpose not in PURPOSES:
        raise DescriptionError("unknown purpose of random numbers", value=purpose, limit=sorted(PURPOSES))
    text = "\x1f".join(map(str, (int(seed), purpose, *names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def philox_reference(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Ten rounds of Philox4x32 on one counter, in plain Python."""
    c, (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = _M0 * c[0], _M1 * c[2]
        c = ((p1 >> 32) ^ c[1] ^ k0, p1 & _MASK, (p0 >> 32) ^ c[3] ^ k1, p0 & _MASK)
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c


@njit(cache=True, nogil=True)
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """The same for Numba: six uint64 that hold 32 bits each; returns four such."""
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c0
        p1 = np.uint64(0xCD9E8D57) * c2
        c0 = (p1 >> np.uint64(32)) ^ c1 ^ k0
        c1 = p1 & mask
        c2 = (p0 >> np.uint64(32)) ^ c3 ^ k1
        c3 = p0 & mask
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return c0, c1, c2, c3


@njit(cache=True, nogil=True)
def _blocks(key: Any, index: Any, lane: Any, out: Any) -> None:
    """out uint64 [n, 2]: the 128 bits of each index as two words."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for i in range(index.size):
        at = index[i]
        c = philox(at & mask, at >> shift, lane & mask, lane >> shift, key & mask, key >> shift)
        out[i, 0] = c[0] | (c[1] << shift)
        out[i, 1] = c[2] | (c[3] << shift)


def _draw(key: int, index: ArrayLike, lane: int) -> tuple[NDArray[np.uint64], tuple[int, ...]]:
    array = np.asarray(index)
    flat = np.ascontiguousarray(array, dtype=np.uint64).reshape(-1)
    out = np.empty((flat.size, 2), np.uint64)
    _blocks(np.uint64(key), flat, np.uint64(lane), out)
    return out, array.shape


def bits(key: int, index: ArrayLike, lane: int = 0) -> NDArray[np.uint64]:
    """64 random bits for every index (non-negative integers of any shape); ``lane`` tells apart several draws."""
    out, shape = _draw(key, index, lane)
    return out[:, 0].reshape(shape)


def uniform(key: int, index: ArrayLike, lane: int = 0) -> NDArray[np.float64]:
    """Uniform in [0, 1), multiples of 2^-53."""
    return (bits(key, index, lane) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(key: int, first: int, stop: int, p: float) -> NDArray[np.int64]:
    """The indices from ``first`` to ``stop`` whose `uniform` is less than ``p``, in order."""
    found = np.empty(max(stop - first, 0), np.int64)
    return found[: _below(np.uint64(key), first, stop, float(p), found)].copy()


@njit(cache=True, nogil=True)
def _below(key: Any, first: Any, stop: Any, p: Any, found: Any) -> Any:
    """Fills ``found`` and returns how many there are. The numbers are never stored, which would be most of the cost."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    n = 0
    for i in range(first, stop):
        at = np.uint64(i)
        c = philox(at & mask, at >> shift, np.uint64(0), np.uint64(0), key & mask, key >> shift)
        word = c[0] | (c[1] << shift)
        if np.float64(word >> np.uint64(11)) * 2.0**-53 < p:
            found[n] = i
            n += 1
    return n


def normal(key: int, index: ArrayLike, lane: int = 0) -> NDArray[np.float64]:
    """Standard normal by Box-Muller from one Philox block."""
    out, shape = _draw(key, index, lane)
    u = ((out[:, 0] >> np.uint64(11)) + np.uint64(1)) * 2.0**-53  # (0, 1]
    angle = (out[:, 1] >> np.uint64(11)) * (2.0**-53 * 2 * np.pi)
    return (np.sqrt(-2.0 * np.log(u)) * np.cos(angle)).reshape(shape)


def permutation(key: int, n: int, lane: int = 0) -> NDArray[np.int64]:
    """A random order of range(n): the order of n random words (ties, of probability n^2/2^65, go by index)."""
    return np.argsort(bits(key, np.arange(n), lane), kind="stable")
