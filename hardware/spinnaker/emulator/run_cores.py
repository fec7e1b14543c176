"""All cores of a machine, step by step, and the packets between them.

One run is one sample. In step t, neuron cores take the ring-buffer cells of t, update their neurons and send; spike
sources send; delay cores send again what came s * slots steps before. Then every core looks up each packet it received
and adds the row to its ring buffer, so a spike sent in step t over a delay of d enters the neurons of step t + d. That
is the machine in real time, without late packets, and with an input queue (256 packets) that never overflows.

Threads share out the cores. A core is only ever touched by its own thread and takes its packets in the order of the
vertices that sent them, so the results do not depend on threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.engine.ops.native import barrier
from neurosim.hardware.spinnaker.emulator.core_tables import Memory, Tables
from neurosim.hardware.spinnaker.emulator.overflows import Overflow, Overflows, no_overflows, note
from neurosim.hardware.spinnaker.numerics.derived_constants import Words
from neurosim.hardware.spinnaker.numerics.kernel import CAUSES, step
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST
from neurosim.hardware.spinnaker.numerics.stdp import plastic_row, post_event

__all__ = ["Packets", "Run", "Work", "run"]

_SPIKES_HELD = 1 << 21
_SPINS = 2000
_MOST_COPIES = 255
_ARRIVAL, _TRACE, _HISTORY = int(Overflow.ARRIVAL), int(Overflow.TRACE), int(Overflow.HISTORY)
_WRAP_BITS = tuple(CAUSES.values())


class Packets(NamedTuple):
    """Packets of spike sources: those of the k-th step are ``start[k]`` to ``start[k + 1]``, int64 [steps + 1], sorted
    by ``vertex`` and ``atom``, int64 each. A packet may be there several times."""

    start: Words
    vertex: Words
    atom: Words


class Work(NamedTuple):
    """What there was to do in each step: ``sent`` int32 [T, streams] packets; ``rows``, ``static`` and ``plastic``,
    int32 [T, cores] each, rows that were looked up, and synapses of both kinds."""

    sent: NDArray[np.int32]
    rows: NDArray[np.int32]
    static: NDArray[np.int32]
    plastic: NDArray[np.int32]


class Run(NamedTuple):
    """What came out of a run of T steps.

    ``spike_start`` int64 [T + 1] and ``spikes`` int32: the neurons that spiked in each step; ``v`` int32 [T, probes]
    after each step; ``current`` int32 [T, probes], the input of each step without offset.
    """

    spike_start: Words
    spikes: NDArray[np.int32]
    v: NDArray[np.int32]
    current: NDArray[np.int32]
    overflows: Overflows
    work: Work


class _Scratch(NamedTuple):
    """``fired`` int32 [2, atoms and copies]: atoms that send; those of a vertex are ``count[s, v]`` from
    ``at[s, v]`` on. Odd and even steps have a list each, so that threads meet once in a step."""

    current: NDArray[np.int32]
    spiked: NDArray[np.bool_]
    wrapped: NDArray[np.uint16]
    fired: NDArray[np.int32]
    at: Words
    count: Words


def _update(
    t: int, first: int, last: int, tables: Tables, m: Memory, scratch: _Scratch, overflows: Overflows
) -> None:
    """Step t of the neurons of some cores."""
    c, side = tables.cores, t & 1
    for k in range(first, last):
        lo, hi = c.lo[k], c.hi[k]
        n = 1 << c.index_bits[k]
        at = c.ring[k] + (t & ((1 << c.delay_bits[k]) - 1)) * 2 * n
        shifts = (c.shift_exc[k], c.shift_inh[k])
        lost = step(
            c.model[k], lo, hi, m.ring[at : at + n], m.ring[at + n : at + 2 * n], shifts,
            tables.constants, m.neurons, scratch.current, scratch.spiked, scratch.wrapped,
        )  # fmt: skip
        if lost:
            for i in range(lo, hi):
                if scratch.wrapped[i]:
                    for cause in range(len(_WRAP_BITS)):
                        bits = scratch.wrapped[i] & _WRAP_BITS[cause]
                        count = 0
                        while bits:
                            bits &= bits - 1
                            count += 1
                        if count:
                            note(overflows, k, _ARRIVAL + cause, t, i, count, count)
        found = lo
        for i in range(lo, hi):
            if scratch.spiked[i]:
                scratch.fired[side, found] = i - lo
                found += 1
                if c.rule[k] >= 0 and post_event(m.history, tables.rules, c.rule[k], i, t):
                    note(overflows, k, _TRACE, t, i, 1, 1)
        scratch.at[side, k] = lo
        scratch.count[side, k] = found - lo


def _send_again(t: int, tables: Tables, m: Memory, scratch: _Scratch, packets: Packets, at_step: int) -> None:
    """What spike sources and delay cores send in step t."""
    side, cores = t & 1, len(tables.cores.lo)
    scratch.count[side, cores:] = 0
    end = len(scratch.spiked)
    for i in range(packets.start[at_step], packets.start[at_step + 1]):
        v = packets.vertex[i]
        if scratch.count[side, v] == 0:
            scratch.at[side, v] = end
        scratch.fired[side, end] = packets.atom[i]
        scratch.count[side, v] += 1
        end += 1
    d = tables.delays
    for k in range(len(d.vertex)):
        v, n = d.vertex[k], d.size[k]
        scratch.at[side, v] = end
        for stage in range(1, d.stages[k] + 1):
            row = d.counter[k] + ((t - stage * d.slots[k]) & d.mask[k]) * n
            for i in range(n):
                for _ in range(m.counters[row + i]):
                    scratch.fired[side, end] = (stage - 1) * n + i
                    end += 1
        scratch.count[side, v] = end - scratch.at[side, v]
        row = d.counter[k] + (t & d.mask[k]) * n
        m.counters[row : row + n] = 0


def _hold(t: int, tables: Tables, m: Memory, scratch: _Scratch) -> None:
    """Delay cores count what they received in step t."""
    d, e, side = tables.delays, tables.held, t & 1
    for k in range(len(d.vertex)):
        row = d.counter[k] + (t & d.mask[k]) * d.size[k]
        for i in range(e.first[k], e.first[k + 1]):
            begin = scratch.at[side, e.vertex[i]]
            for j in range(begin, begin + scratch.count[side, e.vertex[i]]):
                atom = np.int64(scratch.fired[side, j])
                at = row + e.row[i] + atom
                if (atom ^ e.bits[i]) & e.care[i] == 0 and m.counters[at] < _MOST_COPIES:
                    m.counters[at] += 1


def _deliver(
    t: int,
    first: int,
    last: int,
    tables: Tables,
    m: Memory,
    scratch: _Scratch,
    overflows: Overflows,
    work: Work,
    at_step: int,
) -> None:
    """Add the rows of the packets of step t to the ring buffers of some cores."""
    e, c, static, rows, side = tables.incoming, tables.cores, tables.rows, m.rows, t & 1
    ring = m.ring
    for k in range(first, last):
        bits, offset = c.index_bits[k], c.ring[k]
        mask = np.uint32((1 << (c.delay_bits[k] + 1 + bits)) - 1)
        now = np.uint32((t << (bits + 1)) & mask)
        looked, fixed, plastic = 0, 0, 0
        for i in range(e.first[k], e.first[k + 1]):
            v = e.vertex[i]
            n = scratch.count[side, v]
            if n == 0:
                continue
            begin = scratch.at[side, v]
            for j in range(begin, begin + n):
                atom = np.int64(scratch.fired[side, j])
                if (atom ^ e.bits[i]) & e.care[i]:
                    continue
                r = e.row[i] + atom
                looked += 1
                if e.plastic[i]:
                    missed, wrapped = plastic_row(tables.rules, rows, m.history, r, t)
                    a, b = rows.start[r], rows.start[r + 1]
                    plastic += b - a
                    if missed:
                        note(overflows, k, _HISTORY, t, rows.target[a], missed, missed)
                    if wrapped:
                        note(overflows, k, _TRACE, t, rows.target[a], wrapped, wrapped)
                    for s in range(a, b):
                        if rows.delay[s] == 0:  # masked; the core takes it for too late
                            continue
                        low = (np.uint32(rows.delay[s]) << np.uint32(bits + 1)) + np.uint32(
                            (np.int64(rows.receptor[s]) << bits) | (rows.target[s] - c.lo[k])
                        )
                        cell = np.uint32(now + low) & mask
                        total = np.uint32(ring[offset + cell]) + np.uint32(rows.weight[s])
                        if total > LARGEST:
                            _saturated_jit(overflows, tables, k, t, cell, total)
                            total = LARGEST
                        ring[offset + cell] = total
                else:
                    a, b = static.base[k] + static.start[r], static.base[k] + static.start[r + 1]
                    fixed += b - a
                    for s in range(a, b):
                        word = static.word[s]
                        cell = np.uint32(now + (word & np.uint32(0xFFFF))) & mask
                        total = np.uint32(ring[offset + cell]) + (word >> np.uint32(16))
                        if total > LARGEST:
                            _saturated_jit(overflows, tables, k, t, cell, total)
                            total = LARGEST
                        ring[offset + cell] = total
        if at_step < len(work.rows):
            work.rows[at_step, k] = looked
            work.static[at_step, k] = fixed
            work.plastic[at_step, k] = plastic


def _saturated(overflows: Overflows, tables: Tables, k: int, t: int, cell: int, total: int) -> None:
    c = tables.cores
    bits = c.index_bits[k]
    slots = 1 << c.delay_bits[k]
    slot = np.int64(cell) >> (bits + 1)
    used = t + 1 + ((slot - t - 1) & (slots - 1))
    neuron = c.lo[k] + (np.int64(cell) & ((1 << bits) - 1))
    note(overflows, k, (np.int64(cell) >> bits) & 1, used, neuron, np.int64(total) - LARGEST, 1)


def _count_streams(t: int, tables: Tables, scratch: _Scratch, work: Work, at_step: int) -> None:
    """How many packets each stream carries in step t."""
    s, side = tables.streams, t & 1
    for v in range(len(s.first) - 1):
        for k in range(s.first[v], s.first[v + 1]):
            n = scratch.count[side, v]
            if s.care[k]:
                n = 0
                begin = scratch.at[side, v]
                for j in range(begin, begin + scratch.count[side, v]):
                    n += (scratch.fired[side, j] ^ s.bits[k]) & s.care[k] == 0
            work.sent[at_step, k] = n


_saturated_jit = njit(cache=True, nogil=True)(_saturated)
_update_jit, _send_again_jit, _hold_jit, _deliver_jit, _count_streams_jit = (
    njit(cache=True, nogil=True)(f) for f in (_update, _send_again, _hold, _deliver, _count_streams)
)


@njit(cache=True, nogil=True)
def _advance(
    thread: int,
    edges: Words,
    counter: int,
    start: int,
    first: int,
    last: int,
    tables: Tables,
    m: Memory,
    scratch: _Scratch,
    packets: Packets,
    probes: Words,
    v: NDArray[np.int32],
    current: NDArray[np.int32],
    spike_start: Words,
    spikes: NDArray[np.int32],
    overflows: Overflows,
    work: Work,
) -> None:
    """Steps ``first`` to ``last`` of the run, counted from the step ``start`` of the machine's life, of one thread's
    cores ``edges[thread]`` to ``edges[thread + 1]``. ``spikes`` has room for all."""
    threads, passed = len(edges) - 1, 0
    a, b = edges[thread], edges[thread + 1]
    cores = tables.cores
    probe, probe_end = 0, 0
    if b > a:
        probe = np.searchsorted(probes, cores.lo[a])
        probe_end = np.searchsorted(probes, cores.hi[b - 1])
    found = 0
    for at_step in range(first, last):
        t = start + at_step
        side = t & 1
        _update_jit(t, a, b, tables, m, scratch, overflows)
        for i in range(probe, probe_end):
            v[at_step, i] = m.neurons.v[probes[i]]
            current[at_step, i] = scratch.current[probes[i]]
        if thread == 0:
            _send_again_jit(t, tables, m, scratch, packets, at_step)
        if threads > 1:
            passed = barrier(counter, passed, threads, _SPINS)
        if thread == 0:
            for k in range(len(cores.lo)):
                lo = cores.lo[k]
                for j in range(lo, lo + scratch.count[side, k]):
                    spikes[found] = lo + scratch.fired[side, j]
                    found += 1
            spike_start[at_step + 1] = spike_start[first] + found
            _hold_jit(t, tables, m, scratch)
            if at_step < len(work.sent):
                _count_streams_jit(t, tables, scratch, work, at_step)
        _deliver_jit(t, a, b, tables, m, scratch, overflows, work, at_step)


def run(
    tables: Tables,
    memory: Memory,
    packets: Packets,
    steps: int,
    *,
    start: int = 0,
    probes: Words | None = None,
    threads: int = 1,
    watched: bool = False,
) -> Run:
    """Run one sample.

    Args:
        memory: changed in place.
        start: first step, in the machine's life.
        probes: neurons whose potential and input are recorded, sorted.
        watched: whether the work of every step is written down (else `Work` has no steps).
    """
    cores = tables.cores
    n = int(cores.hi[-1]) if len(cores.hi) else 0
    vertices = len(tables.streams.first) - 1
    probes = np.zeros(0, np.int64) if probes is None else np.asarray(probes, np.int64)
    copies = int(np.max(_copies(packets), initial=int(np.max(memory.counters, initial=1))))
    again = int(np.sum(tables.delays.size * tables.delays.stages)) * min(max(copies, 1), _MOST_COPIES)
    room = n + int(np.max(np.diff(packets.start), initial=0)) + again
    scratch = _Scratch(
        np.zeros(n, np.int32),
        np.zeros(n, np.bool_),
        np.zeros(n, np.uint16),
        np.zeros((2, room), np.int32),
        np.zeros((2, vertices), np.int64),
        np.zeros((2, vertices), np.int64),
    )
    held = steps if watched else 0
    work = Work(
        np.zeros((held, len(tables.streams.care)), np.int32),
        *(np.zeros((held, len(cores.lo)), np.int32) for _ in range(3)),
    )
    v, current = (np.zeros((steps, len(probes)), np.int32) for _ in range(2))
    overflows = no_overflows(len(cores.lo), n)
    spike_start = np.zeros(steps + 1, np.int64)
    parts = [np.zeros(0, np.int32)]
    most = max(1, min(steps, _SPIKES_HELD // max(n, 1)))
    buffer = np.zeros(most * n, np.int32)
    edges = _shares(tables, max(1, min(threads, len(cores.lo))))
    with ThreadPoolExecutor(len(edges) - 1) as pool:
        for first in range(0, steps, most):
            last = min(first + most, steps)
            counter = np.zeros(1, np.int64)

            def part(thread: int, first: int = first, last: int = last, counter: Any = counter) -> None:
                _advance(
                    thread, edges, counter.ctypes.data, start, first, last, tables, memory, scratch, packets, probes,
                    v, current, spike_start, buffer, overflows, work,
                )  # fmt: skip

            if len(edges) == 2:
                part(0)
            else:
                list(pool.map(part, range(len(edges) - 1)))
            parts.append(buffer[: spike_start[last] - spike_start[first]].copy())
    return Run(spike_start, np.concatenate(parts), v, current, overflows, work)


def _copies(packets: Packets) -> Words:
    """How often each packet of sources is sent in a step."""
    step = np.repeat(np.arange(len(packets.start) - 1), np.diff(packets.start))
    same = (np.diff(step) == 0) & (np.diff(packets.vertex) == 0) & (np.diff(packets.atom) == 0)
    edges = np.flatnonzero(np.concatenate([[True], ~same, [True]]))
    return np.diff(edges)


def _shares(tables: Tables, threads: int) -> Words:
    """The first core of each thread, and the end: shares of about equal neurons and incoming streams."""
    cores = tables.cores
    cost = np.cumsum(cores.hi - cores.lo + np.diff(tables.incoming.first))
    inner = np.searchsorted(cost, cost[-1:] * np.arange(1, threads) / threads) + 1 if len(cost) else []
    return np.array([0, *inner, len(cores.lo)], np.int64)
