"""All cores of a machine, step by step, and the packets between them.

One run is one sample. In step t, neuron cores take the ring-buffer cells of t, update their neurons and send; spike
sources send; delay cores send again what came s * slots steps before. Then every core looks up each packet it received
and adds the row to its ring buffer, so a spike sent in step t over a delay of d enters the neurons of step t + d. That
is the machine in real time, without late packets, and with an input queue (256 packets) that never overflows.

Threads share out the cores. A core is only ever touched by its own thread and takes its packets in the order of the
places they were sent from, so the results do not depend on threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.engine.ops.native import barrier, nonzero_of_64
from neurosim.hardware.spinnaker.emulator.core_tables import (
    BITS,
    CARE,
    DELAY_BITS,
    HI,
    INDEX_BITS,
    LO,
    MODEL,
    RING,
    ROW,
    RULE,
    SHIFT_EXC,
    SHIFT_INH,
    VERTEX,
    Incoming,
    Memory,
    Tables,
)
from neurosim.hardware.spinnaker.emulator.delivery import BATCH, deliver_plastic, deliver_static
from neurosim.hardware.spinnaker.emulator.overflows import Cause, Overflows, no_overflows, note
from neurosim.hardware.spinnaker.emulator.row_streams import thread_bounds
from neurosim.hardware.spinnaker.numerics.derived_constants import Words
from neurosim.hardware.spinnaker.numerics.kernel import CAUSES, step_arrays
from neurosim.hardware.spinnaker.numerics.stdp import post_event

__all__ = ["Packets", "Run", "Work", "packets_sent_again", "run"]

_SPIKES_HELD = 1 << 21
_SPINS = 2000
_MOST_COPIES = 255
_ARRIVAL, _TRACE = int(Cause.ARRIVAL), int(Cause.TRACE)
_WRAP_BITS = tuple(CAUSES.values())


class Packets(NamedTuple):
    """Packets of spike sources: those of the k-th step are ``start[k]`` to ``start[k + 1]``, int64 [steps + 1], sorted
    by ``vertex`` and ``atom``, int64 each. A packet may be there several times."""

    start: Words
    vertex: Words
    atom: Words


class Work(NamedTuple):
    """What there was to do in each step: ``sent`` int32 [T, streams] packets; ``rows``, ``static`` and ``plastic``,
    int32 [T, cores] each, rows that have synapses, and synapses of both kinds."""

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
    """What the threads share in a run.

    ``spiked`` is 64 longer than needed. ``fired`` int32 [2, atoms and copies]: atoms that send; those of vertex v are
    ``number[s, v]`` from ``at[s, v]`` on. Odd and even steps have a list each, so that threads meet once in a step. Of
    each core, first cell of its ring buffer, mask of an index there, and index of the present slot.
    """

    current: NDArray[np.int32]
    spiked: NDArray[np.bool_]
    wrapped: NDArray[np.uint16]
    fired: NDArray[np.int32]
    at: Words
    number: Words
    offset: Words
    mask: NDArray[np.uint32]
    slot: NDArray[np.uint32]


# See the remarks on compiled code in `delivery`.


def _update(
    t: Any, first: Any, last: Any, cores: Any, constants: Any, neurons: Any, ring: Any, scratch: Any, rules: Any,
    history: Any, overflows: Any,
) -> None:  # fmt: skip
    """Step t of the neurons of some cores [cores, fields of `Cores`]."""
    current, spiked, wrapped, slot = scratch.current, scratch.spiked, scratch.wrapped, scratch.slot
    fired, at, count = scratch.fired[t & 1], scratch.at[t & 1], scratch.number[t & 1]
    a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12 = constants
    v, timer, exc, inh = neurons
    address = spiked.ctypes.data
    for k in range(first, last):
        lo, hi, rule = cores[k, LO], cores[k, HI], cores[k, RULE]
        n = 1 << cores[k, INDEX_BITS]
        slot[k] = (t & ((1 << cores[k, DELAY_BITS]) - 1)) * 2 * n
        cell = cores[k, RING] + np.int64(slot[k])
        lost = step_arrays(
            cores[k, MODEL], lo, hi - lo, ring[cell : cell + n], ring[cell + n : cell + 2 * n],
            cores[k, SHIFT_EXC], cores[k, SHIFT_INH], a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12,
            v, timer, exc, inh, current, spiked, wrapped,
        )  # fmt: skip
        if lost:
            _note_wraps_jit(overflows, wrapped, k, lo, hi, t)
        found = lo
        for block in range(lo, hi, 64):
            if nonzero_of_64(address + block) == 0:
                continue
            for i in range(block, min(block + 64, hi)):
                if spiked[i]:
                    fired[found] = i - lo
                    found += 1
                    if rule >= 0 and post_event(history, rules, rule, i, t):
                        note(overflows, k, np.int64(_TRACE), t, i, np.int64(1), np.int64(1))
        at[k] = lo
        count[k] = found - lo


def _note_wraps(overflows: Any, wrapped: Any, core: Any, lo: Any, hi: Any, t: Any) -> None:
    for i in range(lo, hi):
        if wrapped[i]:
            for cause in range(len(_WRAP_BITS)):
                bits = wrapped[i] & _WRAP_BITS[cause]
                n = 0
                while bits:
                    bits &= bits - 1
                    n += 1
                if n:
                    note(overflows, core, _ARRIVAL + cause, t, i, n, n)


def _send_again(
    t: Any, cores: Any, at_step: Any, start: Any, packets: Any, delays: Any, counters: Any, scratch: Any
) -> None:
    """What spike sources ([packets, (vertex, atom)]) and delay cores [delay cores, fields of `Delays`] send in step t,
    behind ``cores`` neuron cores."""
    fired, at, count = scratch.fired[t & 1], scratch.at[t & 1], scratch.number[t & 1]
    end = len(scratch.current)
    for v in range(cores, len(count)):
        count[v] = 0
    for i in range(start[at_step], start[at_step + 1]):
        v = packets[i, 0]
        if count[v] == 0:
            at[v] = end
        fired[end] = packets[i, 1]
        count[v] += 1
        end += 1
    for k in range(len(delays)):
        v, n, stages, slots, counter, mask = delays[k]
        at[v] = end
        for stage in range(1, stages + 1):
            row = counter + ((t - stage * slots) & mask) * n
            for i in range(n):
                for _ in range(counters[row + i]):
                    fired[end] = (stage - 1) * n + i
                    end += 1
        count[v] = end - at[v]
        row = counter + (t & mask) * n
        for i in range(n):
            counters[row + i] = 0


def _hold(t: Any, delays: Any, held_first: Any, held: Any, counters: Any, scratch: Any) -> None:
    """Delay cores count what they received in step t."""
    fired, at, count = scratch.fired[t & 1], scratch.at[t & 1], scratch.number[t & 1]
    for k in range(len(delays)):
        _, n, _, _, counter, mask = delays[k]
        row = counter + (t & mask) * n
        for i in range(held_first[k], held_first[k + 1]):
            v = held[i, VERTEX]
            for j in range(at[v], at[v] + count[v]):
                atom = np.int64(fired[j])
                cell = row + held[i, ROW] + atom
                if (atom ^ held[i, BITS]) & held[i, CARE] == 0 and counters[cell] < _MOST_COPIES:
                    counters[cell] += 1


def _count_streams(t: Any, first: Any, care: Any, bits: Any, scratch: Any, sent: Any, at_step: Any) -> None:
    """How many packets each stream carries in step t."""
    fired, at, count = scratch.fired[t & 1], scratch.at[t & 1], scratch.number[t & 1]
    for v in range(len(first) - 1):
        for k in range(first[v], first[v + 1]):
            n = 0
            for j in range(at[v], at[v] + count[v]):
                n += (np.int64(fired[j]) ^ bits[k]) & care[k] == 0
            sent[at_step, k] = n


_note_wraps_jit = njit(cache=True, nogil=True)(_note_wraps)
_update_jit, _send_again_jit, _hold_jit, _count_streams_jit = (
    njit(cache=True, nogil=True, inline="always")(f) for f in (_update, _send_again, _hold, _count_streams)
)


@njit(cache=True, nogil=True)
def _advance(
    thread: Any, edges: Any, counter: Any, start: Any, first: Any, last: Any,
    cores: Any, constants: Any, delays: Any, held_first: Any, held: Any, streams: Any,
    first_atom: Any, bounds: Any, stream: Any, incoming_first: Any, incoming: Any, rules: Any,
    m: Any, scratch: Any, packet_start: Any, packets: Any,
    probes: Any, v_out: Any, current_out: Any, spike_start: Any, spikes: Any, overflows: Any, sent: Any, work: Any,
) -> None:  # fmt: skip
    """Steps ``first`` to ``last`` of the run, counted from the step ``start`` of the machine's life, of one thread's
    cores ``edges[thread]`` to ``edges[thread + 1]``. ``spikes`` has room for all."""
    threads, passed = len(edges) - 1, 0
    a, b = edges[thread], edges[thread + 1]
    neurons, ring, counters, rows, history = m
    v, current = neurons.v, scratch.current
    batch, begin, end = np.empty((BATCH, 2), np.int64), bounds[thread], bounds[thread + 1]
    probe, probe_end = 0, 0
    if b > a:
        probe = np.searchsorted(probes, cores[a, LO])
        probe_end = np.searchsorted(probes, cores[b - 1, HI])
    found = 0
    for at_step in range(first, last):
        t = start + at_step
        _update_jit(t, a, b, cores, constants, neurons, ring, scratch, rules, history, overflows)
        for i in range(probe, probe_end):
            v_out[at_step, i] = v[probes[i]]
            current_out[at_step, i] = current[probes[i]]
        if thread == 0:
            _send_again_jit(t, len(cores), at_step, packet_start, packets, delays, counters, scratch)
        if threads > 1:
            passed = barrier(counter, passed, threads, _SPINS)
        if thread == 0:
            fired, count = scratch.fired[t & 1], scratch.number[t & 1]
            for k in range(len(cores)):
                lo = cores[k, LO]
                for j in range(lo, lo + count[k]):
                    spikes[found] = lo + fired[j]
                    found += 1
            spike_start[at_step + 1] = spike_start[first] + found
            _hold_jit(t, delays, held_first, held, counters, scratch)
            if at_step < len(sent):
                _count_streams_jit(t, streams[0], streams[1], streams[2], scratch, sent, at_step)
        deliver_static(
            t, cores, first_atom, begin, end, stream, ring, scratch, batch, overflows, work, at_step
        )
        if len(incoming):
            deliver_plastic(
                t, a, b, cores, incoming_first, incoming, rules, rows, history, ring, scratch, overflows, work,
                at_step,
            )  # fmt: skip


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
    room = n + int(np.max(np.diff(packets.start), initial=0)) + packets_sent_again(tables, memory, packets)
    scratch = _Scratch(
        np.zeros(n, np.int32),
        np.zeros(n + 64, np.bool_),
        np.zeros(n, np.uint16),
        np.zeros((2, room), np.int32),
        np.zeros((2, vertices), np.int64),
        np.zeros((2, vertices), np.int64),
        cores.ring,
        ((2 << (cores.delay_bits + cores.index_bits)) - 1).astype(np.uint32),
        np.zeros(len(cores.lo), np.uint32),
    )
    watched_steps = steps if watched else 0
    sent = np.zeros((watched_steps, len(tables.streams.care)), np.int32)
    work = np.zeros((watched_steps, len(cores.lo), 3), np.int32)
    v, current = (np.zeros((steps, len(probes)), np.int32) for _ in range(2))
    overflows = no_overflows(len(cores.lo), n)
    spike_start = np.zeros(steps + 1, np.int64)
    parts = [np.zeros(0, np.int32)]
    most = max(1, min(steps, _SPIKES_HELD // max(n, 1)))
    buffer = np.zeros(most * n, np.int32)
    edges = _shares(tables, max(1, min(threads, len(cores.lo))))
    bounds = thread_bounds(tables.rows, edges)
    with ThreadPoolExecutor(len(edges) - 1) as pool:
        for first in range(0, steps, most):
            last = min(first + most, steps)
            counter = np.zeros(1, np.int64)

            def part(thread: int, first: int = first, last: int = last, counter: Any = counter) -> None:
                _advance(
                    thread, edges, counter.ctypes.data, start, first, last,
                    np.stack(cores, axis=1), tables.constants, np.stack(tables.delays, axis=1), *_table(tables.held),
                    tables.streams, tables.first_atom, bounds, tables.rows.word, *_table(tables.plastic), tables.rules,
                    memory, scratch, packets.start, np.stack([packets.vertex, packets.atom], axis=1),
                    probes, v, current, spike_start, buffer, overflows, sent, work,
                )  # fmt: skip

            if len(edges) == 2:
                part(0)
            else:
                list(pool.map(part, range(len(edges) - 1)))
            parts.append(buffer[: spike_start[last] - spike_start[first]].copy())
    return Run(
        spike_start,
        np.concatenate(parts),
        v,
        current,
        overflows,
        Work(sent, work[..., 0], work[..., 1], work[..., 2]),
    )


def _table(incoming: Incoming) -> tuple[Words, Words]:
    """The entries as a table [entries, 4], behind where those of each core begin."""
    return incoming.first, np.stack(incoming[1:], axis=1)


def packets_sent_again(tables: Tables, memory: Memory, packets: Packets) -> int:
    """At least as many packets as the delay cores can send in a step."""
    delays, held = tables.delays, tables.held
    copies = int(np.max(_copies(packets), initial=1))
    if len(held.vertex) and held.vertex.max() >= delays.vertex.min():
        copies = _MOST_COPIES  # a delay core that feeds another
    # a route may bring several copies of a packet, an entry each
    counted = np.maximum(np.diff(held.first) * copies, int(np.max(memory.counters, initial=0)))
    return int(np.sum(delays.size * delays.stages * np.minimum(counted, _MOST_COPIES)))


def _copies(packets: Packets) -> Words:
    """How often each packet of sources is sent in a step."""
    step = np.repeat(np.arange(len(packets.start) - 1), np.diff(packets.start))
    same = (np.diff(step) == 0) & (np.diff(packets.vertex) == 0) & (np.diff(packets.atom) == 0)
    edges = np.flatnonzero(np.concatenate([[True], ~same, [True]]))
    return np.diff(edges)


def _shares(tables: Tables, threads: int) -> Words:
    """The first core of each thread, and the end: shares of about equally many neurons."""
    cores = tables.cores
    wanted = cores.hi[-1:] * np.arange(1, threads) / threads
    inner = np.searchsorted(cores.hi, wanted).astype(np.int64) + 1
    return np.array([0, *inner, len(cores.lo)], np.int64)
