"""All cores of a machine, step by step, from decoded synaptic rows and neuron parameters.

One run is one sample. Neurons of all cores are numbered through; sources are the neurons followed by the external
sources. Packets are delivered between steps, after the neuron update of the step in which they were sent, so a
spike sent in step t over a delay of d enters the neurons of step t + d. That is the machine in real time without
late packets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.numerics.derived_constants import NeuronConstants, NeuronState, Words
from neurosim.hardware.spinnaker.numerics.kernel import step
from neurosim.hardware.spinnaker.numerics.ring_buffer import accumulate

__all__ = ["SATURATION", "WRAP", "Cores", "Run", "Synapses", "run"]

SATURATION, WRAP = 0, 1
_KEPT_EVENTS = 128  # of each kind


class Cores(NamedTuple):
    """The neuron cores: first and last neuron (exclusive), model and left shifts, int64 [cores] each."""

    lo: Words
    hi: Words
    model: Words
    shift_exc: Words
    shift_inh: Words


class Synapses(NamedTuple):
    """Synapses by source: row_start [sources + 1]; target, receptor, delay and raw weight [n]."""

    row_start: Words
    target: NDArray[np.int32]
    receptor: NDArray[np.uint8]
    delay: NDArray[np.int32]
    weight: NDArray[np.uint16]


class Run(NamedTuple):
    """What came out of a run of T steps.

    ``spikes`` bool [T, n]; ``v`` int32 [T, probes] after each step; ``current`` int32 [T, probes], the input of
    each step without offset; ``counts`` int64 [2]: ring-buffer additions that saturated, results that wrapped;
    ``events`` int64 [k, 4] the first of them: kind, step, neuron, by how much the cell was exceeded or how many results
    wrapped; ``final`` the state. A saturation is dated by the step in which the cell is used.
    """

    spikes: NDArray[np.bool_]
    v: NDArray[np.int32]
    current: NDArray[np.int32]
    counts: Words
    events: Words
    final: NeuronState


def _note(events: Words, counts: Words, stored: int, kind: int, at: int, neuron: int, value: int) -> int:
    counts[kind] += 1
    if counts[kind] <= _KEPT_EVENTS:
        events[stored, 0] = kind
        events[stored, 1] = at
        events[stored, 2] = neuron
        events[stored, 3] = value
        return stored + 1
    return stored


def _deliver(
    t: int,
    source: int,
    synapses: Synapses,
    ring: NDArray[np.uint16],
    events: Words,
    counts: Words,
    stored: int,
) -> int:
    """Add the row of a source that sent a packet in step t to the ring buffers [slots, 2, n]."""
    mask = ring.shape[0] - 1
    for k in range(synapses.row_start[source], synapses.row_start[source + 1]):
        at = t + synapses.delay[k]
        slot, receptor, n = at & mask, synapses.receptor[k], synapses.target[k]
        ring[slot, receptor, n], excess = _accumulate(ring[slot, receptor, n], synapses.weight[k])
        if excess > 0:
            stored = _note_jit(events, counts, stored, 0, at, n, excess)
    return stored


_accumulate = njit(cache=True, inline="always")(accumulate)
_note_jit = njit(cache=True)(_note)
_deliver_jit = njit(cache=True)(_deliver)


def _run(
    steps: int,
    cores: Cores,
    c: NeuronConstants,
    s: NeuronState,
    synapses: Synapses,
    ring: NDArray[np.uint16],
    input_start: Words,
    input_source: Words,
    probes: Words,
    spikes: NDArray[np.bool_],
    v_out: NDArray[np.int32],
    current_out: NDArray[np.int32],
    counts: Words,
    events: Words,
) -> int:
    n = len(s.v)
    mask = ring.shape[0] - 1
    current = np.zeros(n, np.int64)
    wrapped = np.zeros(n, np.int32)
    stored = 0
    for t in range(steps):
        cells = ring[t & mask]
        for k in range(len(cores.lo)):
            step(
                cores.model[k], cores.lo[k], cores.hi[k], cells, cores.shift_exc[k], cores.shift_inh[k],
                c, s, current, spikes[t], wrapped,
            )  # fmt: skip
        for i in range(len(probes)):
            v_out[t, i] = s.v[probes[i]]
            current_out[t, i] = current[probes[i]]
        for i in range(n):
            if wrapped[i] > 0:
                stored = _note_jit(events, counts, stored, 1, t, i, wrapped[i])
            if spikes[t, i]:
                stored = _deliver_jit(t, i, synapses, ring, events, counts, stored)
        for i in range(input_start[t], input_start[t + 1]):
            stored = _deliver_jit(t, input_source[i], synapses, ring, events, counts, stored)
    return stored


_run_jit = njit(cache=True, nogil=True)(_run)


def run(
    steps: int,
    cores: Cores,
    constants: NeuronConstants,
    initial: NeuronState,
    synapses: Synapses,
    input_start: Words,
    input_source: Words,
    probes: Words | None = None,
) -> Run:
    """Run one sample from the initial state with empty ring buffers.

    Args:
        input_start: int64 [steps + 1]; packets of external sources sent in step t are
        input_source[start[t]:start[t+1]]. input_source: source numbers (>= number of neurons); a source may occur
        more than once in a step. probes: neurons whose potential and input are recorded.
    """
    n = len(initial.v)
    longest = int(synapses.delay.max(initial=1))
    ring = np.zeros((1 << max(0, longest - 1).bit_length(), 2, n), dtype=np.uint16)
    probes = np.zeros(0, dtype=np.int64) if probes is None else np.asarray(probes, dtype=np.int64)
    final = NeuronState(*(a.copy() for a in initial))
    spikes = np.zeros((steps, n), dtype=np.bool_)
    v, current = (np.zeros((steps, len(probes)), dtype=np.int32) for _ in range(2))
    counts, events = np.zeros(2, dtype=np.int64), np.zeros((2 * _KEPT_EVENTS, 4), dtype=np.int64)
    stored = _run_jit(
        steps,
        cores,
        constants,
        final,
        synapses,
        ring,
        input_start,
        input_source,
        probes,
        spikes,
        v,
        current,
        counts,
        events,
    )
    return Run(spikes, v, current, counts, events[:stored], final)
