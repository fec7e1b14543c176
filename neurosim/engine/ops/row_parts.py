"""The synapses onto each part of a population: where they lie in every row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.connectivity.synapse_rows import SynapseRows

__all__ = ["rows_by_part"]


def rows_by_part(rows: SynapseRows, edges: NDArray[np.int64]) -> tuple[SynapseRows, NDArray[np.int64]]:
    """Rows whose synapses are in order of part, and where the parts begin in them: int64 [parts + 1, n_pre].

    Rows sorted by target are in that order already. Others, which are sorted by delay, are copied; a part keeps their
    order.
    """
    known = _BOUNDS.setdefault(rows, {})
    if (bounds_known := known.get(edges.tobytes())) is not None:
        return rows, bounds_known
    parts = len(edges) - 1
    bounds = np.empty((parts + 1, rows.n_pre), np.int64)
    bounds[0], bounds[parts] = rows.row_start[:-1], rows.row_start[1:]
    if parts == 1:
        return rows, bounds
    low_bits = rows.word.dtype.type(
        (1 << rows.target_bits) - 1 if rows.target_bits else -1 % 2 ** (8 * rows.word.itemsize)
    )
    _count(rows.row_start, rows.word, low_bits, edges, bounds)
    if not rows.target_bits:
        known[edges.tobytes()] = bounds
        return rows, bounds
    own = len(rows.weight) == rows.n_synapses
    word, weight = np.empty_like(rows.word), np.empty_like(rows.weight) if own else rows.weight
    _sort(rows.row_start, rows.word, rows.weight, low_bits, edges, bounds, word, weight, own)
    return replace(rows, word=word, weight=weight), bounds


_BOUNDS: WeakKeyDictionary[SynapseRows, dict[bytes, NDArray[np.int64]]] = WeakKeyDictionary()
"""Bounds found before, for as long as the rows are in use. Copies are not kept: they are as large as the rows."""


@njit(cache=True, nogil=True)
def _part_of(target: Any, edges: Any) -> Any:
    part = 0
    while target >= edges[part + 1]:
        part += 1
    return part


@njit(cache=True, nogil=True)
def _count(row_start: Any, word: Any, low_bits: Any, edges: Any, bounds: Any) -> None:
    for i in range(row_start.size - 1):
        bounds[1:, i] = 0
        for e in range(row_start[i], row_start[i + 1]):
            bounds[1 + _part_of(word[e] & low_bits, edges), i] += 1
        for part in range(1, edges.size):
            bounds[part, i] += bounds[part - 1, i]


@njit(cache=True, nogil=True)
def _sort(
    row_start: Any,
    word: Any,
    weight: Any,
    low_bits: Any,
    edges: Any,
    bounds: Any,
    out: Any,
    out_weight: Any,
    own: Any,
) -> None:
    at = np.empty(edges.size - 1, np.int64)
    for i in range(row_start.size - 1):
        at[:] = bounds[:-1, i]
        for e in range(row_start[i], row_start[i + 1]):
            part = _part_of(word[e] & low_bits, edges)
            out[at[part]] = word[e]
            if own:
                out_weight[at[part]] = weight[e]
            at[part] += 1
