"""Event-driven synapses: spikes are added to the ring buffers of their targets. Numba, with a plain reference."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection

__all__ = ["deliver_events", "deliver_raster", "deliver_reference", "split_by_target"]


@njit(cache=True, nogil=True)
def deliver_raster(
    raster: Any, first: Any, start: Any, stop: Any,
    row_start: Any, target: Any, delay: Any, weight: Any, ring: Any, mask: Any,
) -> None:  # fmt: skip
    """Spikes of a population in steps start to stop: ring[s, (k + delay) & mask, target] += weight.

    raster uint8 [S, block, n_pre] (its first row is step ``first``); ring float64 [S, slots, n_post], slots = mask + 1.
    """
    for s in range(raster.shape[0]):
        for k in range(start, stop):
            row = raster[s, k - first]
            for i in range(row.size):
                if row[i]:
                    for e in range(row_start[i], row_start[i + 1]):
                        ring[s, (k + delay[e]) & mask, target[e]] += weight[e]


@njit(cache=True, nogil=True)
def deliver_events(
    pointer: Any, step: Any, neuron: Any, count: Any,
    row_start: Any, target: Any, delay: Any, weight: Any, ring: Any, mask: Any,
) -> None:  # fmt: skip
    """The same for a list of input spikes; those of sample s are pointer[s, 0]:pointer[s, 1]."""
    for s in range(pointer.shape[0]):
        for q in range(pointer[s, 0], pointer[s, 1]):
            k, i, c = step[q], neuron[q], count[q]
            for e in range(row_start[i], row_start[i + 1]):
                ring[s, (k + delay[e]) & mask, target[e]] += c * weight[e]


def deliver_reference(p: PlanProjection, counts: NDArray[Any], steps: int) -> NDArray[np.float64]:
    """All arrivals of a run at once, in plain NumPy: counts [T, n_pre] -> arrivals [steps, n_post]."""
    out = np.zeros((steps + p.max_delay + 1, p.n_post))
    for k in range(len(counts)):
        arriving = counts[k][p.pre_index] * p.weight.astype(np.float64)
        np.add.at(out, (k + p.delay, p.target), arriving)
    return out[:steps]


def split_by_target(p: PlanProjection, edges: NDArray[np.int64]) -> list[tuple[NDArray[Any], ...]]:
    """(row_start, target, delay, weight) of the synapses onto each range of targets edges[i]:edges[i + 1]."""
    if len(edges) == 2:
        return [(p.row_start, p.target, p.delay, p.weight)]
    parts: list[tuple[NDArray[Any], ...]] = []
    for low, high in pairwise(edges.tolist()):
        keep = (p.target >= low) & (p.target < high)
        row_start = np.zeros(p.n_pre + 1, np.int64)
        np.cumsum(np.bincount(p.pre_index[keep], minlength=p.n_pre), out=row_start[1:])
        parts.append((row_start, p.target[keep], p.delay[keep], p.weight[keep]))
    return parts
