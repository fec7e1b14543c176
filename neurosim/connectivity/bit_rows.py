"""Dense rows of synapses as bits: where every tenth pair is connected, a bit a pair is less than an index a synapse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BitRows", "bit_rows"]


@dataclass(frozen=True, eq=False)
class BitRows:
    """Which neurons a presynaptic neuron reaches.

    Attributes:
        bits: uint64 [n_pre, words]; bit j % 64 of word j // 64 stands for the postsynaptic neuron j.
        again_start: int64 [n_pre + 1], again: [m]: the targets of further synapses between one pair, in rows.
    """

    bits: NDArray[np.uint64]
    again_start: NDArray[np.int64]
    again: NDArray[Any]


def bit_rows(row_start: NDArray[np.int64], target: NDArray[Any], n_post: int) -> BitRows:
    """The rows of sorted targets as bits, and what bits cannot say."""
    n_pre = len(row_start) - 1
    bits = np.zeros((n_pre, -(-n_post // 64)), np.uint64)
    again_start = np.zeros(n_pre + 1, np.int64)
    _set_bits(row_start, target, bits, again_start)
    np.cumsum(again_start, out=again_start)
    again = np.empty(again_start[-1], target.dtype)
    _repeated(row_start, target, again)
    return BitRows(bits, again_start, again)


@njit(cache=True, nogil=True)
def _set_bits(row_start: Any, target: Any, bits: Any, again: Any) -> None:
    for i in range(row_start.size - 1):
        for e in range(row_start[i], row_start[i + 1]):
            if e > row_start[i] and target[e] == target[e - 1]:
                again[i + 1] += 1
            else:
                bits[i, target[e] >> 6] |= np.uint64(1) << np.uint64(target[e] & 63)


@njit(cache=True, nogil=True)
def _repeated(row_start: Any, target: Any, again: Any) -> None:
    n = 0
    for i in range(row_start.size - 1):
        for e in range(row_start[i] + 1, row_start[i + 1]):
            if target[e] == target[e - 1]:
                again[n] = target[e]
                n += 1
