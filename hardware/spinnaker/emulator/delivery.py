"""What packets do at the cores that receive them: rows looked up and added to ring buffers.

Compiled code takes an array out of a tuple before a loop: inside, that would be counted as a reference every time.
Constants are passed as np.int64, since a literal would be compiled for by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.engine.ops.native import prefetch
from neurosim.hardware.spinnaker.emulator.core_tables import (
    BITS,
    CARE,
    DELAY_BITS,
    INDEX_BITS,
    LO,
    RING,
    ROW,
    VERTEX,
)
from neurosim.hardware.spinnaker.emulator.overflows import Cause, note
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST
from neurosim.hardware.spinnaker.numerics.stdp import plastic_row

__all__ = ["BATCH", "deliver_plastic", "deliver_static"]

BATCH = 256
"""Stretches of memory that are asked for before the first is needed."""
_TRACE, _HISTORY = int(Cause.TRACE), int(Cause.HISTORY)


def _saturated(overflows: Any, cores: Any, core: Any, t: Any, cell: Any, total: Any) -> None:
    """Note that adding to a cell in step t exceeded 16 bits."""
    bits, slots = cores[core, INDEX_BITS], 1 << cores[core, DELAY_BITS]
    used = t + 1 + (((cell >> (bits + 1)) - t - 1) & (slots - 1))
    neuron = cores[core, LO] + (cell & ((1 << bits) - 1))
    note(overflows, core, (cell >> bits) & 1, used, neuron, total - LARGEST, np.int64(1))


def _deliver_static(
    t: Any, cores: Any, first_atom: Any, begin: Any, end: Any, stream: Any, ring: Any, scratch: Any, batch: Any,
    overflows: Any, work: Any, at_step: Any,
) -> None:  # fmt: skip
    """Add the static rows of all packets of step t to the ring buffers of the thread's cores: for atom i, what
    ``stream`` holds from ``begin[i]`` to ``end[i]``, see `row_streams`. ``batch`` int64 [rows, 2] is the thread's
    own."""
    fired, at, count = scratch.fired[t & 1], scratch.at[t & 1], scratch.number[t & 1]
    offsets, masks, slots = scratch.offset, scratch.mask, scratch.slot
    address = stream.ctypes.data
    held = np.int64(0)  # what is given a literal is compiled for it anew
    for v in range(len(count)):
        for j in range(at[v], at[v] + count[v]):
            atom = first_atom[v] + fired[j]
            batch[held, 0], batch[held, 1] = begin[atom], end[atom]
            prefetch(address + 4 * begin[atom])
            held += 1
            if held < len(batch):
                continue
            _add_stretches_jit(
                held, batch, stream, ring, offsets, masks, slots, overflows, cores, t, work, at_step
            )
            held = np.int64(0)
    _add_stretches_jit(held, batch, stream, ring, offsets, masks, slots, overflows, cores, t, work, at_step)


def _add_stretches(
    held: Any, batch: Any, stream: Any, ring: Any, offsets: Any, masks: Any, slots: Any, overflows: Any, cores: Any,
    t: Any, work: Any, at_step: Any,
) -> None:  # fmt: skip
    """Add what lies in some stretches of the stream."""
    watched = at_step < len(work)
    for i in range(held):
        p, end = batch[i, 0], batch[i, 1]
        while p < end:
            k = np.int64(stream[p] >> np.uint32(8))
            last = p + 1 + np.int64(stream[p] & np.uint32(255))
            offset, mask, now = offsets[k], masks[k], slots[k]
            if watched:
                work[at_step, k, 0] += 1
                work[at_step, k, 1] += last - p
            while p < last:
                p += 1
                cell = offset + np.int64((now + (stream[p] & np.uint32(0xFFFF))) & mask)
                total: Any = np.int64(ring[cell]) + np.int64(stream[p] >> np.uint32(16))
                if total > LARGEST:
                    _saturated_jit(overflows, cores, k, t, cell - offset, total)
                    total = LARGEST
                ring[cell] = total
            p += 1


def _deliver_plastic(
    t: Any, first: Any, last: Any, cores: Any, edges: Any, incoming: Any, rules: Any, rows: Any, history: Any,
    ring: Any, scratch: Any, overflows: Any, work: Any, at_step: Any,
) -> None:  # fmt: skip
    """The same for plastic rows: ``incoming`` [entries, columns of `Incoming`], those of core k from ``edges[k]``
    on."""
    fired, at, count = scratch.fired[t & 1], scratch.at[t & 1], scratch.number[t & 1]
    for k in range(first, last):
        for i in range(edges[k], edges[k + 1]):
            v = incoming[i, VERTEX]
            for j in range(at[v], at[v] + count[v]):
                atom = np.int64(fired[j])
                if (atom ^ incoming[i, BITS]) & incoming[i, CARE]:
                    continue
                n = _add_plastic_row_jit(
                    incoming[i, ROW] + atom, rules, rows, history, ring, overflows, cores, k, t
                )
                if at_step < len(work) and n:
                    work[at_step, k, 0] += 1
                    work[at_step, k, 2] += n


def _add_plastic_row(
    row: Any, rules: Any, rows: Any, history: Any, ring: Any, overflows: Any, cores: Any, core: Any, t: Any
) -> Any:
    """The same for a plastic row, whose weights change first. Number of its synapses."""
    missed, wrapped = plastic_row(rules, rows, history, row, t)
    a, b = rows.start[row], rows.start[row + 1]
    target, receptor, delay, weight = rows.target, rows.receptor, rows.delay, rows.weight
    if missed:
        note(overflows, core, np.int64(_HISTORY), t, np.int64(target[a]), missed, missed)
    if wrapped:
        note(
            overflows,
            core,
            np.int64(_TRACE),
            t,
            np.int64(target[a]) if b > a else cores[core, LO],
            wrapped,
            wrapped,
        )
    bits, offset = cores[core, INDEX_BITS], cores[core, RING]
    slots = 1 << cores[core, DELAY_BITS]
    for s in range(a, b):
        if delay[s] == 0:  # taken for late, see `ring_buffer.undelivered`
            continue
        slot = (t + np.int64(delay[s])) & (slots - 1)
        cell = slot << (bits + 1) | np.int64(receptor[s]) << bits | np.int64(target[s]) - cores[core, LO]
        total = np.int64(ring[offset + cell]) + weight[s]
        if total > LARGEST:
            _saturated_jit(overflows, cores, core, t, cell, total)
            total = LARGEST
        ring[offset + cell] = total
    return b - a


_saturated_jit = njit(cache=True, nogil=True)(_saturated)
_add_stretches_jit = njit(cache=True, nogil=True)(_add_stretches)
_add_plastic_row_jit = njit(cache=True, nogil=True)(_add_plastic_row)
deliver_static = njit(cache=True, nogil=True, inline="always")(_deliver_static)
deliver_plastic = njit(cache=True, nogil=True, inline="always")(_deliver_plastic)
