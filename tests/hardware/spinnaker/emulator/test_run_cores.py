"""Machines made by hand: when spikes arrive, what saturates and where, delay cores, runs in parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.hardware.spinnaker.emulator.overflows import KEPT, Cause
from neurosim.hardware.spinnaker.emulator.run_cores import packets_sent_again, run
from neurosim.hardware.spinnaker.emulator.start_up import start
from neurosim.hardware.spinnaker.machine import read_machine
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST
from neurosim.hardware.spinnaker.routing.entry import Entry

EVERY = np.arange(4)


def test_a_spike_of_step_0_over_2_steps_acts_in_step_2(hand_made_image, source_packets):
    started = start(hand_made_image([(i, 0, 100, 2, 0) for i in range(3)]), read_machine())
    events = [(0, i) for i in range(3)]
    result = run(started.tables, started.memory(), source_packets(events, 5), 5, probes=EVERY)
    assert result.current[:, 0].tolist() == [0, 0, 300 << 4, 0, 0]
    assert not result.current[:, 1:].any()
    assert not result.overflows.counts.any()


def test_saturation_is_located_and_measured(hand_made_image, source_packets):
    """Three additions of 30000 to one cell: only the third exceeds 65535."""
    synapses = [(i, 1, 30000, 2, 1) for i in range(3)]
    started = start(hand_made_image(synapses), read_machine())
    events = [(0, i) for i in range(3)]
    result = run(started.tables, started.memory(), source_packets(events, 5), 5, start=100, probes=EVERY)
    assert result.current[2, 1] == -(LARGEST << 4)
    found = result.overflows
    assert found.counts.sum() == found.counts[0, Cause.SATURATION_INHIBITORY] == 1
    assert found.first[0, Cause.SATURATION_INHIBITORY, 0].tolist() == [102, 1, 90000 - LARGEST, 1]
    assert found.of_neuron[Cause.SATURATION_INHIBITORY].tolist() == [0, 1, 0, 0]


def test_all_overflows_are_counted_and_the_first_are_listed(hand_made_image, source_packets):
    """Two full weights in each of 50 steps: every second addition saturates."""
    started = start(hand_made_image([(0, 2, LARGEST, 1, 0), (1, 2, LARGEST, 1, 0)]), read_machine())
    events = [(t, i) for t in range(50) for i in range(2)]
    found = run(started.tables, started.memory(), source_packets(events, 60), 60).overflows
    assert found.counts[0, Cause.SATURATION_EXCITATORY] == 50
    assert found.listed[0, Cause.SATURATION_EXCITATORY] == KEPT
    assert found.first[0, Cause.SATURATION_EXCITATORY, :, 0].tolist() == list(range(1, KEPT + 1))


def test_wraps_are_located_with_their_cause(hand_made_image, source_packets):
    """A full cell shifted by 16 bits exceeds a word; the second neuron's, of a smaller weight, does not. With 20
    megohm the membrane wraps too where the current is beyond 3276 nA."""
    synapses = [(0, 1, LARGEST, 3, 0), (0, 2, 100, 3, 0), (1, 3, 2000, 1, 0)]
    started = start(hand_made_image(synapses, shift=16), read_machine())
    result = run(started.tables, started.memory(), source_packets([(4, 0), (6, 1)], 9), 9, probes=EVERY)
    found = result.overflows
    assert result.current[7, 1] == -(1 << 16)  # 65535 * 2**16 wrapped
    assert found.counts[0].nonzero()[0].tolist() == [Cause.ARRIVAL, Cause.MEMBRANE]
    assert found.first[0, Cause.ARRIVAL, 0].tolist() == [7, 1, 1, 1]
    assert found.first[0, Cause.MEMBRANE, 0].tolist() == [7, 3, 1, 1]
    assert found.of_neuron[Cause.ARRIVAL].tolist() == [0, 1, 0, 0]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 9), st.integers(1, 24), st.integers(0, 1)),
             min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=30), st.integers(0, 80),
)  # fmt: skip
def test_every_delay_is_its_length(hand_made_image, source_packets, synapses, events, begin):
    """Delays of 1 to 24 steps on a core of 8 slots, through a delay core of two stages, several packets of a source in
    one step included: what arrives at every neuron in every step, against a sum over synapses and spikes. Every spike
    is sent again in both stages, used or not."""
    started = start(hand_made_image(synapses, stages=2), read_machine())
    steps = 70
    result = run(
        started.tables,
        started.memory(),
        source_packets(events, steps),
        steps,
        start=begin,
        probes=EVERY,
        watched=True,
    )
    expected = np.zeros((steps, 4), np.int64)
    for t, source in events:
        for i, j, w, d, receptor in synapses:
            if i == source and t + d < steps:
                expected[t + d, j] += (-1) ** receptor * w << 4
    np.testing.assert_array_equal(result.current, expected)
    source, delayed = result.work.sent.T
    np.testing.assert_array_equal(source, np.bincount([t for t, _ in events], minlength=steps))
    again = np.convolve(source, [1 if k in (8, 16) else 0 for k in range(17)])[:steps]
    np.testing.assert_array_equal(delayed, again)
    has = np.bincount([i for i, _, _, d, _ in synapses if d <= 8], minlength=3) > 0
    assert result.work.rows.sum() <= source.sum() + again.sum()
    assert result.work.rows[:8].sum() == sum(bool(has[i]) for t, i in events if t < 8)
    assert result.work.static.sum() == sum(
        t + (d - 1) // 8 * 8 < steps for t, source in events for i, _, _, d, _ in synapses if i == source
    )


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 2)), max_size=30), st.integers(0, 40))
def test_a_run_in_parts_is_the_run(hand_made_image, source_packets, events, cut):
    """Ring buffers, potentials and the counters of delay cores are carried on."""
    synapses = [(i, j, 100 + 7 * i + j, 1 + 5 * i + 3 * j, (i + j) % 2) for i in range(3) for j in range(4)]
    started = start(hand_made_image(synapses, stages=2, threshold=100), read_machine())
    memory = started.memory()
    whole = run(started.tables, memory, source_packets(events, 40), 40, probes=EVERY)
    parts, pieces = started.memory(), []
    for first, last in ((0, cut), (cut, 40)):
        sent = [(t - first, i) for t, i in events if first <= t < last]
        piece = run(
            started.tables, parts, source_packets(sent, last - first), last - first, start=first, probes=EVERY
        )
        pieces.append(piece)
    for name in ("spikes", "v", "current"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(p, name) for p in pieces]), getattr(whole, name)
        )
    for name in ("ring", "counters"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(memory, name))


def test_there_is_room_for_copies_that_routes_make(hand_made_image, source_packets):
    """Two ways lead to a delay core on chip (1, 1), so it counts each packet twice and sends it twice in each stage:
    more packets than there are atoms."""
    image = hand_made_image([(0, 1, 100, 20, 0)], stages=2)
    delayed = replace(image.vertices[2], x=1, y=1)
    east, north, west, south = 1, 4, 8, 32
    tables = {
        (0, 0): [Entry(0, delayed.mask, east | north), Entry(delayed.key, delayed.mask, 1 << 11)],
        (1, 0): [Entry(0, delayed.mask, north)],
        (0, 1): [Entry(0, delayed.mask, east), Entry(delayed.key, delayed.mask, south)],
        (1, 1): [Entry(0, delayed.mask, 1 << 12), Entry(delayed.key, delayed.mask, west)],
    }
    regions = {v.place: image.regions[v.place] for v in image.vertices[:2]}
    regions[delayed.place] = image.regions[image.vertices[2].place]
    started = start(replace(image, vertices=(*image.vertices[:2], delayed), regions=regions, tables=tables),
                    read_machine())  # fmt: skip
    packets, memory = source_packets([(0, i) for i in range(3)], 30), started.memory()
    assert packets_sent_again(started.tables, memory, packets) == 3 * 2 * 2
    result = run(started.tables, memory, packets, 30, probes=EVERY, watched=True)
    assert result.work.sent.sum(axis=1)[[0, 8, 16]].tolist() == [3, 6, 6]
    assert np.flatnonzero(result.current[:, 1]).tolist() == [20]
    assert result.current[20, 1] == 200 << 4


@pytest.mark.parametrize("steps", [0, 1])
def test_next_to_nothing(hand_made_image, source_packets, steps):
    started = start(hand_made_image([(0, 0, 1, 1, 0)]), read_machine())
    result = run(started.tables, started.memory(), source_packets([], steps), steps, probes=EVERY, threads=4)
    assert result.v.shape == (steps, 4)
    assert result.spike_start.tolist() == [0] * (steps + 1)
