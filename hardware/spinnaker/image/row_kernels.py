"""Counting and writing synaptic rows: one pass over the synapses of a projection, compiled.

Each kernel has a plain NumPy function beside it that does the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.delay_extension import stage_of
from neurosim.hardware.spinnaker.image.rows import HEADER_WORDS

__all__ = ["Lanes", "Spread", "count_rows", "fill_rows", "plain_count", "plain_fill"]

Uint32 = NDArray[np.uint32]


class Spread(NamedTuple):
    """How the synapses of a projection spread over the cores of its target.

    Attributes:
        direct, late: most synapses that one source neuron has on one target core: of delays up to the slots, and of
            delays from the slots on (the slots themselves count in both, as on the host).
        reached, reached_late: bool [source cores, target cores], where synapses go that take up to as many steps as
            there are slots, and more.
    """

    direct: int
    late: int
    reached: NDArray[np.bool_]
    reached_late: NDArray[np.bool_]


class Lanes(NamedTuple):
    """Where rows lie in the memory of a core, in words, and how its words are made up.

    Attributes:
        atoms: neurons of a full target core.
        type_word: the receptor, shifted to its place. delay_shift: place of the delay.
        slots: longest delay that the ring buffers hold.
        start, stride: first word of the rows of direct synapses and words of a row.
        late_start, late_stride, late_rows: the same of the rows behind the delay extension, and their number.
        most, late_most: synapses that a row has room for; further ones are left out.
    """

    atoms: int
    type_word: int
    delay_shift: int
    slots: int
    start: int
    stride: int
    late_start: int
    late_stride: int
    late_rows: int
    most: int
    late_most: int


def count_rows(
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    delay: NDArray[np.uint16],
    source_atoms: int,
    target_atoms: int,
    target_cores: int,
    slots: int,
) -> Spread:
    """Count the synapses of every source neuron on every target core.

    Args:
        row_start, target, delay: see `DeviceProjection`.
        source_atoms, target_atoms: neurons of a full core.
        slots: longest delay that a target core holds.
    """
    cores = -(-(len(row_start) - 1) // source_atoms)
    reached = np.zeros((cores, target_cores), np.bool_)
    reached_late = np.zeros((cores, target_cores), np.bool_)
    direct, late = _count(row_start, target, delay, source_atoms, target_atoms, slots, reached, reached_late)
    return Spread(int(direct), int(late), reached, reached_late)


@njit(cache=True, nogil=True)
def _count(
    row_start: Any,
    target: Any,
    delay: Any,
    source_atoms: int,
    target_atoms: int,
    slots: int,
    reached: Any,
    reached_late: Any,
) -> tuple[int, int]:
    here = np.zeros(reached.shape[1], np.int64)
    late = np.zeros(reached.shape[1], np.int64)
    most = 0
    most_late = 0
    for i in range(len(row_start) - 1):
        core = i // source_atoms
        for s in range(row_start[i], row_start[i + 1]):
            k = np.uint32(target[s]) // np.uint32(target_atoms)
            d = delay[s]
            if d <= slots:
                here[k] += 1
                most = max(most, here[k])
                reached[core, k] = True
            else:
                reached_late[core, k] = True
            if d >= slots:
                late[k] += 1
                most_late = max(most_late, late[k])
        for s in range(row_start[i], row_start[i + 1]):
            k = np.uint32(target[s]) // np.uint32(target_atoms)
            here[k] = 0
            late[k] = 0
    return most, most_late


def plain_count(
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    delay: NDArray[np.uint16],
    source_atoms: int,
    target_atoms: int,
    target_cores: int,
    slots: int,
) -> Spread:
    """`count_rows` in NumPy."""
    n = len(row_start) - 1
    source = np.repeat(np.arange(n), np.diff(row_start))
    cell = source * target_cores + target // target_atoms
    most, reached = [], []
    for counted, through in ((delay <= slots, delay <= slots), (delay >= slots, delay > slots)):
        most.append(int(np.bincount(cell[counted], minlength=1).max()))
        where = np.zeros((-(-n // source_atoms), target_cores), np.bool_)
        where[source[through] // source_atoms, target[through] // target_atoms] = True
        reached.append(where)
    return Spread(most[0], most[1], reached[0], reached[1])


def fill_rows(
    memory: Uint32,
    first_core: int,
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    raw: NDArray[np.uint16],
    delay: NDArray[np.uint16],
    lanes: Lanes,
    late_first: NDArray[np.int64],
    late_step: NDArray[np.int64],
) -> None:
    """Write the synapses of a projection into the memory of some cores.

    Args:
        memory: uint32 [cores, words], zeros where the rows go; from target core ``first_core`` on.
        late_first, late_step: int64 [source neurons], the row of stage 1 behind the delay extension, and the rows to
            that of the next stage. What lies beyond the last row is not written.
    """
    _fill(memory, first_core, row_start, target, raw, delay, *lanes, late_first, late_step)


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
) -> None:
    lowest = first_core * atoms
    highest = lowest + len(memory) * atoms
    for i in range(len(row_start) - 1):
        direct = start + i * stride
        for s in range(row_start[i], row_start[i + 1]):
            j = target[s]
            if j < lowest or j >= highest:
                continue
            j -= lowest
            k = np.uint32(j) // np.uint32(atoms)
            d = np.int64(delay[s])
            if d <= slots:
                row = direct
                room = most
            else:
                stage = (d - 1) // slots
                which = late_first[i] + (stage - 1) * late_step[i]
                if which >= late_rows:
                    continue
                row = late_start + which * late_stride
                room = late_most
                d -= stage * slots
            count = memory[k, row + 1]
            if count >= room:
                continue
            memory[k, row + 1] = count + 1
            low = (d << delay_shift) | type_word | (j - np.int64(k) * atoms)
            memory[k, row + HEADER_WORDS + count] = (np.int64(raw[s]) << 16) | low


def plain_fill(
    memory: Uint32,
    first_core: int,
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    raw: NDArray[np.uint16],
    delay: NDArray[np.uint16],
    lanes: Lanes,
    late_first: NDArray[np.int64],
    late_step: NDArray[np.int64],
) -> None:
    """`fill_rows` in NumPy."""
    source = np.repeat(np.arange(len(row_start) - 1), np.diff(row_start))
    core = target // lanes.atoms - first_core
    steps = delay.astype(np.int64)
    stage = stage_of(steps, lanes.slots)
    late = late_first[source] + (stage - 1) * late_step[source]
    row = np.where(
        stage > 0, lanes.late_start + late * lanes.late_stride, lanes.start + source * lanes.stride
    )
    kept = np.flatnonzero((core >= 0) & (core < len(memory)) & ((stage == 0) | (late < lanes.late_rows)))
    low = steps - stage * lanes.slots << lanes.delay_shift | lanes.type_word | target % lanes.atoms
    words = (raw.astype(np.int64) << 16 | low).astype(np.uint32)
    order = kept[np.lexsort((row[kept], core[kept]))]  # stable: synapses of a row keep their order
    cell = core[order] * memory.shape[1] + row[order]
    position = np.arange(len(order)) - np.searchsorted(cell, cell)
    fits = position < np.where(stage[order] > 0, lanes.late_most, lanes.most)
    order, position = order[fits], position[fits]
    memory[core[order], row[order] + HEADER_WORDS + position] = words[order]
    np.add.at(memory, (core[order], row[order] + 1), 1)
