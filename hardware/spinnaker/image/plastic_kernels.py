"""Writing plastic synaptic rows: one pass over the synapses to count, one to write, compiled.

The kernel has a plain NumPy function beside it that does the same. Layout of a row: `image.plastic_rows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.delay_extension import stage_of
from neurosim.hardware.spinnaker.image.plastic_rows import plastic_block
from neurosim.hardware.spinnaker.image.row_kernels import Lanes
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS

__all__ = ["fill_plastic_rows", "plain_fill_plastic"]

Uint32 = NDArray[np.uint32]


def fill_plastic_rows(
    memory: Uint32,
    first_core: int,
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    raw: NDArray[np.uint16],
    delay: NDArray[np.uint16],
    lanes: Lanes,
    late_first: NDArray[np.int64],
    late_step: NDArray[np.int64],
    header: int,
) -> None:
    """Write the plastic synapses of a projection into the memory of some cores; see `row_kernels.fill_rows`.

    Args:
        header: words before the weights, see `plastic_rows.history_words`.
    """
    _fill(memory, first_core, row_start, target, raw, delay, *lanes, late_first, late_step, header)


@njit(cache=True, nogil=True)
def _fill(
    memory: Any,
    first_core: int,
    row_start: Any,
    target: Any,
    raw: Any,
    delay: Any,
    atoms: int,
    type_word: int,
    delay_shift: int,
    slots: int,
    start: int,
    stride: int,
    late_start: int,
    late_stride: int,
    late_rows: int,
    most: int,
    late_most: int,
    late_first: Any,
    late_step: Any,
    header: int,
) -> None:
    lowest = first_core * atoms
    highest = lowest + len(memory) * atoms
    n = len(row_start) - 1
    for writing in (False, True):
        for i in range(n):
            for s in range(row_start[i], row_start[i + 1]):
                j = target[s]
                if j < lowest or j >= highest:
                    continue
                j -= lowest
                k = np.uint32(j) // np.uint32(atoms)
                d = np.int64(delay[s])
                row = start + i * stride
                room = most
                if d > slots:
                    stage = (d - 1) // slots
                    which = late_first[i] + (stage - 1) * late_step[i]
                    if which >= late_rows:
                        continue
                    row = late_start + which * late_stride
                    room = late_most
                    d -= stage * slots
                if not writing:
                    memory[k, row] = min(memory[k, row] + 1, room)
                    continue
                plastic = np.int64(memory[k, row])
                at = row + 2 + plastic  # of the number of controls, which counts up to what it will be
                count = np.int64(memory[k, at])
                if count >= room:
                    continue
                memory[k, at] = count + 1
                side = np.uint32(16 * (count & 1))
                low = (d << delay_shift) | type_word | (j - np.int64(k) * atoms)
                memory[k, row + 1 + header + count // 2] |= np.uint32(raw[s]) << side
                memory[k, at + 1 + count // 2] |= np.uint32(low & 0xFFFF) << side
        if not writing:  # from synapses to words
            for core in range(len(memory)):
                for i in range(n if stride else 0):
                    row = start + i * stride
                    memory[core, row] = header + (np.int64(memory[core, row]) + 1) // 2
                for i in range(late_rows if late_stride else 0):
                    row = late_start + i * late_stride
                    memory[core, row] = header + (np.int64(memory[core, row]) + 1) // 2


def plain_fill_plastic(
    memory: Uint32,
    first_core: int,
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    raw: NDArray[np.uint16],
    delay: NDArray[np.uint16],
    lanes: Lanes,
    late_first: NDArray[np.int64],
    late_step: NDArray[np.int64],
    header: int,
) -> None:
    """`fill_plastic_rows` in NumPy."""
    n = len(row_start) - 1
    source = np.repeat(np.arange(n), np.diff(row_start))
    steps = delay.astype(np.int64)
    stage = stage_of(steps, lanes.slots)
    control = steps - stage * lanes.slots << lanes.delay_shift | lanes.type_word | target % lanes.atoms
    late = np.zeros(len(source), np.int64)
    if np.any(stage):
        late[:] = late_first[source] + (stage - 1) * late_step[source]
    for k, words in enumerate(memory):
        here = target // lanes.atoms == first_core + k
        direct, behind = here & (stage == 0), here & (stage > 0) & (late < lanes.late_rows)
        for here_too, rows, start, stride, count, most in (
            (direct, source, lanes.start, lanes.stride, n, lanes.most),
            (behind, late, lanes.late_start, lanes.late_stride, lanes.late_rows, lanes.late_most),
        ):
            if stride:
                found = np.flatnonzero(here_too)
                order = np.argsort(rows[found], kind="stable")
                row = rows[found][order]
                found = found[order][np.arange(len(row)) - np.searchsorted(row, row) < most]
                block = plastic_block(
                    rows[found],
                    raw[found],
                    control[found].astype(np.uint16),
                    count,
                    stride - HEADER_WORDS,
                    header,
                )
                words[start : start + block.size] = block.reshape(-1)
