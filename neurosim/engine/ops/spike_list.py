"""The spikes of a population or input as lists: for every step and part, the neurons in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import carray, njit
from numpy.typing import NDArray

from neurosim.bits import lowest_bit
from neurosim.engine.ops.driver import BLOCK
from neurosim.engine.ops.native import i32_at, i64_at, nonzero_of_64, u8_at

__all__ = ["SpikeList", "append_spikes", "between", "list_of_input", "list_of_population"]


@dataclass
class SpikeList:
    """Where the spikes of a source are found.

    The row of step k of sample s is ((k - first) & mask) + s * stride; the spikes of part p in it are
    neuron[start[row, p]:][:count[row, p]], sorted, and those of a later part are larger.

    Attributes:
        start, count: int64 [rows, parts]; neuron: int32.
    """

    start: NDArray[np.int64]
    count: NDArray[np.int64]
    neuron: NDArray[np.int32]
    first: int = 0
    mask: int = -1
    stride: int = 0

    def entries(self) -> list[int]:
        """The seven numbers that the table of an op begins with; the arrays must outlive it."""
        addresses = [a.ctypes.data for a in (self.start, self.count, self.neuron)]
        return [*addresses, self.start.shape[1], self.first, self.mask, self.stride]


def list_of_population(edges: NDArray[np.int64]) -> SpikeList:
    """Room for the spikes of one block, of whichever sample is at work; ``edges`` [parts + 1]: the parts' neurons."""
    size = int(edges[-1])
    start = np.arange(BLOCK, dtype=np.int64)[:, None] * size + edges[:-1]
    neuron = np.empty(BLOCK * size, np.int32)  # untouched pages take no memory
    return SpikeList(start, np.zeros_like(start), neuron, mask=BLOCK - 1)


def list_of_input(
    sample: NDArray[np.int32], step: NDArray[np.int32], neuron: NDArray[np.int32], samples: int, steps: int
) -> SpikeList:
    """The spikes of an input in some steps, sorted by (sample, step)."""
    row = sample.astype(np.int64) * steps + step
    count = np.bincount(row, minlength=samples * steps).astype(np.int64)
    start = np.cumsum(count) - count
    return SpikeList(start[:, None], count[:, None], np.ascontiguousarray(neuron), stride=steps)


@njit(error_model="numpy")
def append_spikes(
    spikes: Any,
    tile: Any,
    low: Any,
    step: Any,
    part: Any,
    size: Any,
    neuron: Any,
    count: Any,
    edges: Any,
    parts: Any,
) -> None:
    """Append the neurons of a tile that spike to the list of a step.

    Args:
        spikes: address of uint8 [tile], one a neuron, and room up to a multiple of 64.
        low: first neuron of the tile.
        neuron: address of int32 [64, size]; the list of a step and part begins at neuron ``edges[part]`` of its row.
        count: address of int64 [64, parts]; edges: address of int64 [parts + 1].
    """
    row = step & (BLOCK - 1)
    counts = carray(i64_at(count), (BLOCK, parts))
    begin = carray(i64_at(edges), parts + 1)[part]
    if low == begin:
        counts[row, part] = 0
    found = counts[row, part]
    out = carray(i32_at(neuron + 4 * (row * size + begin)), size)
    carray(u8_at(spikes), (tile + 63) // 64 * 64)[tile:] = 0
    for n in range(0, tile, 64):
        flags = nonzero_of_64(spikes + n)
        while flags:
            out[found] = low + n + lowest_bit(flags)
            found += 1
            flags &= flags - np.uint64(1)
    counts[row, part] = found


@njit(error_model="numpy")
def between(neurons: Any, first: Any, last: Any) -> Any:
    """The part of a sorted list from neuron ``first`` to ``last``, both included."""
    if neurons.size and (neurons[0] < first or neurons[-1] > last):
        return neurons[np.searchsorted(neurons, first) : np.searchsorted(neurons, last, side="right")]
    return neurons
