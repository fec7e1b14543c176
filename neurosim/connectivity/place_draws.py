"""Random numbers by synapse, from the words of `neurosim.cell_random`, which are made 64 at a time.

Quick for indices in order, whatever is missing between them. They are the same bits on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.cell_random import group_normals, group_words, split_key

__all__ = ["normals", "uniforms"]


def normals(key: int, index: NDArray[Any], lane: int = 0) -> NDArray[np.float64]:
    """Standard normals, one for every index below 2^37: ``cell_normals(key, 0, 0, index, lane)``."""
    return _drawn(key, index, lane, True)


def uniforms(key: int, index: NDArray[Any], lane: int = 0) -> NDArray[np.float64]:
    """Uniform in (0, 1), odd multiples of 2^-33: ``(cell_words(key, 0, 0, index, lane) + 1/2) 2^-32``."""
    return _drawn(key, index, lane, False)


def _drawn(key: int, index: NDArray[Any], lane: int, normal: bool) -> NDArray[np.float64]:
    places = np.ascontiguousarray(index, np.int64).reshape(-1)
    out = np.empty(len(places))
    _draw(split_key(key), places, lane, normal, out)
    return out.reshape(np.shape(index))


@njit(cache=True, nogil=True)
def _draw(key: Any, index: Any, lane: Any, normal: Any, out: Any) -> None:
    words, numbers = np.empty(64, np.uint32), np.empty(64, np.float64)
    last = -1
    for i in range(index.size):
        group = index[i] >> 6
        if group != last:
            group_words(words, group, 0, 0, lane, key)
            if normal:
                group_normals(numbers, words)
            else:
                for n in range(64):
                    numbers[n] = (np.float64(words[n]) + 0.5) * 2.0**-32
            last = group
        out[i] = numbers[index[i] & 63]
