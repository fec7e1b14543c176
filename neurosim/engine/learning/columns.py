"""The synapses of a plastic projection seen from their targets: what a postsynaptic spike walks along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.connectivity.synapse_rows import SynapseRows

__all__ = ["PlasticColumns", "columns_of"]


@dataclass(frozen=True, eq=False)
class PlasticColumns:
    """Synapses sorted by (target, delay, presynaptic neuron).

    Attributes:
        start: int64 [n_post + 1]; the synapses onto j are start[j]:start[j + 1]; all zero where ``dense``.
        synapse: uint32 [n_syn], their place in the rows; empty where ``dense``.
        word: presynaptic neuron in the lower ``pre_bits`` bits and the delay (less the shortest) above them, uint16,
            uint32 or uint64; empty where ``dense``.
        distinct: whether no two synapses of one delay join the same pair.
        dense: every pair is joined once, by one delay for all: synapse i * n_post + j joins i and j.
    """

    start: NDArray[np.int64]
    synapse: NDArray[np.uint32]
    word: NDArray[np.unsignedinteger[Any]]
    pre_bits: int
    distinct: bool
    dense: bool

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.start.nbytes + self.synapse.nbytes + self.word.nbytes


def columns_of(rows: SynapseRows, min_delay: int, max_delay: int) -> PlasticColumns:
    """The columns of some rows, by counting: O(synapses + rows x delays), no sorting."""
    distinct = bool(_distinct(rows.row_start, rows.word))
    dense = distinct and not rows.target_bits and rows.n_synapses == rows.n_pre * rows.n_post
    span = max_delay - min_delay
    pre_bits = max(1, (rows.n_pre - 1).bit_length())
    need = pre_bits + span.bit_length()
    dtype: Any = np.uint16 if need <= 16 else np.uint32 if need <= 32 else np.uint64
    start = np.zeros(rows.n_post + 1, np.int64)
    kept = 0 if dense else rows.n_synapses
    synapse, word = np.empty(kept, np.uint32), np.empty(kept, dtype)
    if not dense:
        mask = (1 << rows.target_bits) - 1 if rows.target_bits else 2**32 - 1
        _fill(
            rows.row_start,
            rows.word,
            np.uint64(mask),
            rows.target_bits,
            min_delay,
            start,
            synapse,
            word,
            pre_bits,
        )
    return PlasticColumns(start, synapse, word, pre_bits, distinct, dense)


@njit(cache=True, nogil=True)
def _distinct(row_start: Any, word: Any) -> Any:
    for i in range(row_start.size - 1):
        for e in range(row_start[i] + 1, row_start[i + 1]):
            if word[e] == word[e - 1]:
                return False
    return True


@njit(cache=True, nogil=True)
def _fill(
    row_start: Any, word: Any, mask: Any, target_bits: Any, min_delay: Any, start: Any, synapse: Any, column: Any,
    pre_bits: Any,
) -> None:  # fmt: skip
    n = word.size
    for e in range(n):
        start[(np.uint64(word[e]) & mask) + np.uint64(1)] += 1
    for j in range(start.size - 1):
        start[j + 1] += start[j]
    at = start[:-1].copy()
    head = row_start[:-1].copy()
    left, lag = n, 0
    while (
        left
    ):  # delay by delay, each row goes on from where it was: columns come out in order of (delay, neuron)
        for i in range(head.size):
            e = head[i]
            while e < row_start[i + 1] and (
                not target_bits or np.int64(np.uint64(word[e]) >> np.uint64(target_bits)) - min_delay == lag
            ):
                j = np.uint64(word[e]) & mask
                q = at[j]
                synapse[q] = e
                column[q] = np.uint64(i) | (np.uint64(lag) << np.uint64(pre_bits))
                at[j] = q + 1
                e += 1
            left -= e - head[i]
            head[i] = e
        lag += 1
