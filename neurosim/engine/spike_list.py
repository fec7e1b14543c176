"""The spikes of a population in a block of steps, as lists: for every step and part, the neurons in order."""

from __future__ import annotations

from typing import Any

from numba import carray, njit

from neurosim.engine.native import i32_at, i64_at, u8_at, u64_at

__all__ = ["append_spikes"]


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
    row = step & 63
    counts = carray(i64_at(count), (64, parts))
    begin = carray(i64_at(edges), parts + 1)[part]
    if low == begin:
        counts[row, part] = 0
    found = counts[row, part]
    out = carray(i32_at(neuron + 4 * (row * size + begin)), size)
    flags = carray(u8_at(spikes), (tile + 63) // 64 * 64)
    for n in range(tile, (tile + 63) // 64 * 64):
        flags[n] = 0
    words = carray(u64_at(spikes), (tile + 63) // 64 * 8)
    for w in range(0, words.size, 8):
        some = words[w] | words[w + 1] | words[w + 2] | words[w + 3]
        some |= words[w + 4] | words[w + 5] | words[w + 6] | words[w + 7]
        if some:
            for n in range(8 * w, 8 * w + 64):
                if flags[n]:
                    out[found] = low + n
                    found += 1
    counts[row, part] = found
