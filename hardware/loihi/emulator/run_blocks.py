"""The run of a chip of leaky integrate-and-fire compartments, fast: blocks of 32-bit integers, and lists of spikes.

The same as `neurosim.hardware.loihi.emulator.run_chip` gives, or the word that it cannot be had here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import int32, njit
from numpy.typing import NDArray

from neurosim.engine.ops.native import prefetch
from neurosim.hardware.loihi.emulator.block_update import BLOCK, STATE_LIMIT, is_silent, update_block
from neurosim.hardware.loihi.numerics.lif import resets, ternary_step
from neurosim.hardware.loihi.numerics.overflow import Cause
from neurosim.hardware.loihi.numerics.programs import STATE_ROWS

__all__ = ["Blocks", "Limits", "PackedAxons", "run_blocks"]

_TARGET = np.uint32(0xFFFF)
_OUT_OF_RANGE = -1
_AHEAD, _LINES = 2, 4
"""Spikes between asking for their synapses and reading them; cache lines of a list that are asked for."""
_UPPER, _LOWER = Cause.UPPER, Cause.LOWER


class Blocks(NamedTuple):
    """State of one sample: ``state`` int32 [blocks, 3 BLOCK]; ``still`` uint8 [blocks], 1 where nothing changes until
    something arrives; ``ring`` int32 [slots * blocks * BLOCK], in units of a weight. ``fires`` bool [blocks, BLOCK] and
    ``words`` the same as uint64 [blocks, BLOCK / 8]; ``before`` int32 [4 BLOCK], to work with; ``ones`` int64 [N]."""

    state: NDArray[np.int32]
    still: NDArray[np.uint8]
    ring: NDArray[np.int32]
    fires: NDArray[np.bool_]
    words: NDArray[np.uint64]
    before: NDArray[np.int32]
    ones: NDArray[np.int64]


class PackedAxons(NamedTuple):
    """``start`` int64 [sources + 1]; ``to`` int32 [axons, 4]: first synapse, one behind the last, base, and the delay
    that all have, or -1."""

    start: NDArray[np.int64]
    to: NDArray[np.int32]


class Limits(NamedTuple):
    """Ranges, both ends included, of values that 32 bits compute as the chip does: the sum of arrivals (in units of a
    weight), u, and u + bias. ``clips``: whether a clipped potential is such a value too, because the chip's own limits
    lie further out."""

    sum_low: int
    sum_high: int
    u_low: int
    u_high: int
    drive_low: int
    drive_high: int
    clips: int


@njit(cache=True, nogil=True, error_model="numpy")
def _send(begins, to, sources, times, first, ring, cells, synapses, delay):  # type: ignore[no-untyped-def]
    """Add what some sources send, all of a step in one call, since a call with arrays costs as much as 100 synapses."""
    last = ring.shape[0] // cells - 1
    rows, words = to.ctypes.data, synapses.ctypes.data
    for i in range(-_AHEAD, sources.shape[0]):
        # lists lie anywhere in memory: ask for them some spikes before they are read
        if i + 2 * _AHEAD < sources.shape[0]:
            prefetch(rows + 16 * begins[sources[i + 2 * _AHEAD]])
        if i + _AHEAD < sources.shape[0]:
            coming = sources[i + _AHEAD]
            for a in range(begins[coming], begins[coming + 1]):
                for line in range(
                    words + 4 * to[a, 0], words + 4 * min(to[a, 1], to[a, 0] + _LINES * 16), 64
                ):
                    prefetch(line)
        if i < 0:
            continue
        for a in range(begins[sources[i]], begins[sources[i] + 1]):
            base, common = to[a, 2], to[a, 3]
            mine = synapses[to[a, 0] : to[a, 1]]
            if common < 0:
                sums, wait = ring[base:], delay[to[a, 0] : to[a, 1]]
                for k in range(mine.shape[0]):
                    at = np.uint64((first + wait[k]) & last) * np.uint64(cells) + np.uint64(
                        np.uint32(mine[k]) & _TARGET
                    )
                    sums[at] += int32(int32(mine[k] >> 16) * times[i])
                continue
            sums = ring[((first + common) & last) * cells + base :]
            if times[i] == 1:
                for x in mine:
                    sums[np.uint32(x) & _TARGET] += int32(x >> 16)
            else:
                for x in mine:
                    sums[np.uint32(x) & _TARGET] += int32(int32(x >> 16) * times[i])


@njit(cache=True, nogil=True)
def _carefully(  # type: ignore[no-untyped-def]
    time, first, stop, state, before, registers, rules, fires, q, neurons, out, rows, counted
):
    """The block again, from where it was, by the 64-bit kernel. Returns whether the result fits 32 bits."""
    for n in range(first, stop):
        k = n - first
        q[n] = np.int64(before[3 * BLOCK + k]) << 6
        for row in range(3):
            neurons[row, n] = before[row * BLOCK + k]
    ternary_step(
        first, stop, time, q, neurons[0], neurons[1], neurons[2], out, registers[0], registers[1], registers[2],
        registers[3], registers[4], registers[5], registers[6], registers[7], rules[0], rules[1], rules[2], rows,
        counted,
    )  # fmt: skip
    for n in range(first, stop):
        k = n - first
        if max(abs(neurons[0, n]), abs(neurons[1, n])) > STATE_LIMIT:
            return False
        for row in range(3):
            state[row * BLOCK + k] = neurons[row, n]
        fires[k] = out[n] != 0
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def run_blocks(  # type: ignore[no-untyped-def]
    begin, end, born, compartments, runs, options, registers, packed, limits, blocks, q, neurons, out,
    axons, inputs, synapses, delay, feed, spikes, watch, found,
):  # fmt: skip
    """Run steps ``begin`` to ``end - 1`` of one sample, or as many as there is room for.

    Args:
        begin, end: steps, counted from the begin of this run; the chip has lived ``born`` steps before it.
        runs, options, registers: as in `run_chip`. packed: int32 [blocks, WIDTH], the registers of each block.
        limits: `Limits`. blocks: `Blocks`. q, out: int64 [N], neurons: int64 [`STATE_ROWS`, N], to work with.
        axons, inputs: `PackedAxons`. synapses: int32, the target in the lower half and the weight in the upper one.
        delay: uint8 [synapses].
        feed, spikes, watch, found: as in `run_chip`.

    Returns:
        The first step that was not run, or -1: a value beyond 32 bits; the state is of no use then.
    """
    state, still, ring, fires, words, before, ones = blocks
    sum_low, sum_high, u_low, u_high, drive_low, drive_high, clips = limits
    ends, room = spikes.end, spikes.compartment
    rows, counted = found
    cells = packed.shape[0] * BLOCK
    last = ring.shape[0] // cells - 1
    common = rows.shape[0] - counted.shape[0]
    resetting = False
    for r in range(runs.shape[0]):
        resetting |= options[r, 3] > 0
    for t in range(begin, end):
        at = ends[t]
        if at + compartments > room.shape[0]:
            return t
        time = born + t
        if resetting:
            _reset(time, runs, options, state, still)
        slot = (time & last) * cells
        for b in range(packed.shape[0]):
            arrivals = ring[slot + b * BLOCK : slot + (b + 1) * BLOCK]
            if still[b] and is_silent(arrivals):
                continue
            wrong, above, below, fired, moved = update_block(
                arrivals, state[b], before, packed[b], fires[b],
                int32(sum_low), int32(sum_high), int32(u_low), int32(u_high), int32(drive_low), int32(drive_high),
            )  # fmt: skip
            still[b] = moved == 0
            if wrong < 0 or above + below > 0:
                still[b] = 0
                known = not clips and counted.sum() >= common
                known = known and (above == 0 or counted[_UPPER] > 0) and (below == 0 or counted[_LOWER] > 0)
                if wrong >= 0 and known:
                    counted[_UPPER] += above
                    counted[_LOWER] += below
                else:
                    stop = min((b + 1) * BLOCK, compartments)
                    if not _carefully(
                        time, b * BLOCK, stop, state[b], before, registers, options[0], fires[b], q, neurons, out, rows,
                        counted,
                    ):  # fmt: skip
                        return _OUT_OF_RANGE
                    fired = int32(1)
            if fired:
                for w in range(BLOCK // 8):
                    if words[b, w]:
                        for k in range(8 * w, 8 * w + 8):
                            if fires[b, k]:
                                room[at] = b * BLOCK + k
                                at += 1
        count = at - ends[t]
        _send(axons.start, axons.to, room[ends[t] : at], ones[:count], time + 1, ring, cells, synapses, delay)
        ends[t + 1] = at
        e, f = feed.start[t], feed.start[t + 1]
        if f > e:
            _send(
                inputs.start,
                inputs.to,
                feed.source[e:f],
                feed.times[e:f],
                time + 1,
                ring,
                cells,
                synapses,
                delay,
            )
        if watch.row.shape[0]:
            _keep(watch.compartment, watch.row, watch.kept[t], state, fires)
    return end


@njit(cache=True, nogil=True)
def _reset(time, runs, options, state, still):  # type: ignore[no-untyped-def]
    for r in range(runs.shape[0]):
        if resets(time, options[r, 3], options[r, 4]):
            for c in range(runs[r, 0], runs[r, 1]):
                b, k = c // BLOCK, c % BLOCK
                state[b, k] = 0
                state[b, BLOCK + k] = 0
                still[b] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(compartment, rows, kept, state, fires):  # type: ignore[no-untyped-def]
    for j in range(rows.shape[0]):
        row, out = rows[j], kept[j]
        for k in range(compartment.shape[0]):
            b, n = compartment[k] // BLOCK, compartment[k] % BLOCK
            if row == STATE_ROWS:  # of a still block too: its last update was without spikes
                out[k] = fires[b, n]
            else:
                out[k] = state[b, row * BLOCK + n]
