"""The loop of a run, compiled once for all networks: samples, blocks of steps, stages, sub-blocks, levels, tiles.

A thread works on a part of every population (a range of neurons) or on all of it. Each stage passes through a block in
sub-blocks, no longer than the shortest delay inside it. In a sub-block:

1. level by level, each population is delivered what is known ahead (what inputs, earlier stages and earlier levels emit
   in it), gathers the arrivals of a tile of neurons, and updates the tile;
2. then the threads have met, and what the stage's own populations emitted in it is delivered to the same or earlier
   levels.

The two kinds of delivery go to rings of their own, in the order of steps. So what arrives at a neuron is added in an
order that depends neither on the threads nor on where a run was cut.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from numba import njit

from neurosim.engine.ops.native import barrier, call

__all__ = ["BLOCK", "STATUS", "SUB_BLOCK", "TILE", "Field", "Status", "run_steps"]

BLOCK = 64
"""Steps for which lists of spikes are kept: a stage runs a block of at most that many before the next stage does."""

SUB_BLOCK = 16
"""Steps of a sub-block at most: what is delivered ahead then stays in the second-level cache until it is gathered."""

TILE = 1024
"""Neurons per tile: their state stays in the first-level cache while the steps of a sub-block pass."""


class Field(IntEnum):
    """Columns of the table of populations: an op's address and table, or a range of rows in the table of ops."""

    UPDATE, UPDATE_TABLE = 0, 1
    AHEAD_FIRST, AHEAD_LAST = 2, 3
    """deliveries from inputs, earlier stages and earlier levels of the stage, before the update"""
    BACK_FIRST, BACK_LAST = 4, 5
    """deliveries from the same or a later level, at the end of the sub-block"""
    ARRIVE_FIRST, ARRIVE_LAST = 6, 7
    """plastic synapses, before the update"""
    GATHER_FIRST, GATHER_LAST = 8, 9
    """what brings the arrivals of a tile together"""
    TRACE_FIRST, TRACE_LAST = 10, 11
    """recording of state, after the update of a tile"""
    LEARN_FIRST, LEARN_LAST = 12, 13
    """plastic synapses, after the update"""
    RECORD, RECORD_TABLE = 14, 15
    """recording of spikes at the end of a block; address 0: none"""


class Status(IntEnum):
    """Places in the shared int64 array in which a run says how far it is and is told to stop."""

    COUNTER = 0
    """of the barrier; 0 before every call"""
    STOP = 1
    """set from outside to end the run after the block"""
    SAMPLE = 2
    """sample and step to go on with"""
    STEP = 3
    BAD_POPULATION = 4
    """1 + the population in which a state became NaN or infinite"""
    BAD_STEP = 5
    BAD_NEURON = 6
    FULL = 7
    """a buffer of recorded spikes may not hold another block"""
    ENDING = 8
    """what all threads read, to end together"""


STATUS = 9
"""Length of that array."""


@njit(cache=True, nogil=True)
def _all(
    ops: Any, first: Any, last: Any, s: Any, low: Any, high: Any, start: Any, stop: Any, scratch: Any
) -> None:
    """A range of ops, step by step."""
    if last > first:
        for k in range(start, stop):
            for o in range(first, last):
                call(ops[o, 0], ops[o, 1], s, low, high, k, scratch)


@njit(cache=True, nogil=True)
def run_steps(
    stages: Any, members: Any, populations: Any, ops: Any, edges: Any, samples: Any, first: Any, stop: Any,
    from_sample: Any, from_step: Any, part: Any, scratch: Any, status: Any, spins: Any,
) -> None:  # fmt: skip
    """Run a part of all samples from step ``first`` to ``stop``; the first samples are done, and the next one is at
    ``from_step``. ``status`` says how far it came.

    Args:
        stages: int64 [n, 3]: first and last row in ``members`` (a level each), and the steps of a sub-block.
        members: int64 [levels, 1 + most]: how many populations a level has, and which.
        populations: int64 [n, len(Field)]; ops: int64 [m, 2], address and table.
        edges: int64 [n, parts + 1]: the neurons of a part.
        scratch: address of the thread's table; status: int64 [STATUS], shared; spins: patience at barriers.
    """
    parts = edges.shape[1] - 1
    counter = status.ctypes.data + 8 * Status.COUNTER
    passed = 0
    longest = 1
    for g in range(stages.shape[0]):
        longest = max(longest, stages[g, 2])
    block = BLOCK // longest * longest  # whole sub-blocks: what is left over would cost a barrier of its own
    for s in range(from_sample, samples):
        begin = from_step if s == from_sample else first
        while begin < stop:
            end = min(begin + block, stop)
            for g in range(stages.shape[0]):
                level_first, level_last, length = stages[g]
                for start in range(begin, end, length):
                    until = min(start + length, end)
                    for level in range(level_first, level_last):
                        for m in range(members[level, 0]):
                            _advance(populations[members[level, 1 + m]], ops, s,
                                     edges[members[level, 1 + m], part], edges[members[level, 1 + m], part + 1],
                                     start, until, scratch)  # fmt: skip
                        if parts > 1:
                            passed = barrier(counter, passed, parts, spins)
                    for level in range(level_first, level_last):
                        for m in range(members[level, 0]):
                            p = members[level, 1 + m]
                            _all(
                                ops, populations[p, Field.BACK_FIRST], populations[p, Field.BACK_LAST],
                                s, edges[p, part], edges[p, part + 1], start, until, scratch,
                            )  # fmt: skip
            if part == 0:
                for p in range(populations.shape[0]):
                    if populations[p, Field.RECORD]:
                        call(populations[p, Field.RECORD], populations[p, Field.RECORD_TABLE],
                             s, begin, 0, end, scratch)  # fmt: skip
                status[Status.SAMPLE] = s if end < stop else s + 1
                status[Status.STEP] = end if end < stop else first
                ending = status[Status.STOP] + status[Status.FULL] + status[Status.BAD_POPULATION]
                status[Status.ENDING] = ending
            if parts > 1:
                passed = barrier(counter, passed, parts, spins)
            if status[Status.ENDING]:
                return
            begin = end


@njit(cache=True, nogil=True)
def _advance(p: Any, ops: Any, s: Any, low: Any, high: Any, start: Any, stop: Any, scratch: Any) -> None:
    """Take arrivals and update the neurons low to high of one population."""
    _all(ops, p[Field.AHEAD_FIRST], p[Field.AHEAD_LAST], s, low, high, start, stop, scratch)
    _all(ops, p[Field.ARRIVE_FIRST], p[Field.ARRIVE_LAST], s, low, high, start, stop, scratch)
    for tile in range(low, high, TILE):
        end = min(tile + TILE, high)
        for k in range(start, stop):
            for o in range(p[Field.GATHER_FIRST], p[Field.GATHER_LAST]):
                call(ops[o, 0], ops[o, 1], s, tile, end, k, scratch)
            call(p[Field.UPDATE], p[Field.UPDATE_TABLE], s, tile, end, k, scratch)
            for o in range(p[Field.TRACE_FIRST], p[Field.TRACE_LAST]):
                call(ops[o, 0], ops[o, 1], s, tile, end, k, scratch)
    _all(ops, p[Field.LEARN_FIRST], p[Field.LEARN_LAST], s, low, high, start, stop, scratch)
