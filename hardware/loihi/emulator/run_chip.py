"""The run of a chip in 64-bit integers, program by program: right for every chip and every value.

In step t the accumulators of t go to the neurons; what these send, and what the inputs send, is added to the
accumulators of t + 1 + delay.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosim.hardware.loihi.numerics.programs import STATE_ROWS, advance

__all__ = ["run_chip"]


@njit(cache=True, nogil=True)
def _send(axons, source, times, time, ring, target, weight, delay):  # type: ignore[no-untyped-def]
    last = ring.shape[0] - 1
    for a in range(axons.start[source], axons.start[source + 1]):
        start, stop, base = axons.to[a, 0], axons.to[a, 1], axons.to[a, 2]
        for k in range(start, stop):
            ring[(time + 1 + delay[k]) & last, base + target[k]] += times * weight[k]


@njit(cache=True, nogil=True)
def run_chip(  # type: ignore[no-untyped-def]
    begin, end, born, width, runs, options, registers, state, ring, out, q, q2,
    axons, inputs, target, weight, delay, feed, spikes, watch, found,
):  # fmt: skip
    """Run steps ``begin`` to ``end - 1`` of one sample of N compartments, or as many as there is room for.

    Args:
        begin, end: steps, counted from the begin of this run; the chip has lived ``born`` steps before it.
        width: accumulators of a compartment.
        runs: int64 [r, 4], first compartment, one behind the last, program, and its `ProgramRules.weight_shift`.
        options: int64 [r, `OPTION_COUNT`].
        registers, state: int64 [rows, N] as `neurosim.hardware.loihi.numerics.programs.advance` takes them.
        ring: int64 [slots, width * N] accumulators, a power of two of slots, in units of a weight.
        out, q, q2: int64 [N], to work with.
        axons, inputs: of compartments and of input neurons. target, weight, delay: as in `Chip`.
        feed, spikes, watch, found: input, and what comes out. Row `STATE_ROWS` of a watched state is the message.

    Returns:
        The first step that was not run.
    """
    last = ring.shape[0] - 1
    for t in range(begin, end):
        at = spikes.end[t]
        if at + out.shape[0] > spikes.compartment.shape[0]:
            return t
        time = born + t
        arrivals = ring[time & last]
        for r in range(runs.shape[0]):
            first, stop, program, up = runs[r, 0], runs[r, 1], runs[r, 2], runs[r, 3]
            for c in range(first, stop):
                q[c] = arrivals[width * c] << up
                if width == 2:
                    q2[c] = arrivals[2 * c + 1]
            advance(
                program,
                first,
                stop,
                time,
                q,
                q2,
                state,
                registers,
                options[r],
                out,
                found.rows,
                found.counted,
            )
        arrivals[:] = 0
        for c in range(out.shape[0]):
            if out[c]:
                spikes.compartment[at] = c
                at += 1
                _send(axons, c, out[c], time, ring, target, weight, delay)
        spikes.end[t + 1] = at
        for e in range(feed.start[t], feed.start[t + 1]):
            _send(inputs, np.int64(feed.source[e]), feed.times[e], time, ring, target, weight, delay)
        for j in range(watch.row.shape[0]):
            row = watch.row[j]
            for k in range(watch.compartment.shape[0]):
                c = watch.compartment[k]
                watch.kept[t, j, k] = out[c] if row == STATE_ROWS else state[row, c]
    return end
