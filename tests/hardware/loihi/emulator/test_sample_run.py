from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from neurosim.hardware.loihi.emulator import sample_run
from neurosim.hardware.loihi.emulator.block_update import BLOCK
from neurosim.hardware.loihi.emulator.chip import Chip, ProgramRun, Sends
from neurosim.hardware.loihi.emulator.kernel_arrays import Feed
from neurosim.hardware.loihi.emulator.sample_run import SampleRunner
from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.overflow import Cause
from neurosim.hardware.loihi.numerics.profiles import BRIAN2_LOIHI, LAVA, NENGO_LOIHI, PROFILES

NONE = np.zeros(0, np.int64)
ROWS = np.array([0, 1, 2, 4])  # u, v, dead, message


def lists(rng, sources, compartments, longest, weight, delays):
    """Sends of ``sources`` neurons, each with up to two axons, and the synapses; some lists are shared."""
    axons = rng.integers(0, 3, sources)
    size = rng.integers(0, longest + 1, int(axons.sum()))
    stop = np.cumsum(size)
    shared = rng.random(len(size)) < 0.2
    start = np.where(shared, 0, stop - size)
    stop = np.where(shared, size[0] if len(size) else 0, stop)
    base = rng.integers(0, max(compartments // 4, 1), len(size))
    k = int(size.sum())
    # some lists have one delay, others several
    delay = np.repeat(rng.integers(0, delays + 1, len(size)), size)
    mixed = rng.random(k) < 0.1
    delay[mixed] = rng.integers(0, delays + 1, mixed.sum())
    target = rng.integers(0, max(compartments - compartments // 4, 1), k)
    starts = np.append(0, np.cumsum(axons))
    return Sends(starts, start, stop, base), target, rng.integers(-weight, weight, k), delay


def random_chip(seed, *, n, weight, delays, bias, threshold, state, reset, reach=40):
    rng = np.random.default_rng(seed)
    send, *mine = lists(rng, n, n, reach, weight, delays)
    host, *theirs = lists(rng, 5, n, reach, weight, delays)
    host = Sends(host.axon_start, host.start + len(mine[0]), host.stop + len(mine[0]), host.base)
    target, weights, delay = (np.concatenate(c) for c in zip(mine, theirs, strict=True))

    def edges(low, high):
        """Mostly anything, often the ends."""
        values = rng.integers(low, high + 1, n)
        return np.where(rng.random(n) < 0.3, rng.choice([low, high], n), values)

    registers = Registers(
        keep_u=edges(0, 4096), keep_v=edges(0, 4096), bias=edges(-bias, bias), threshold=edges(0, threshold),
        refractory=edges(1, 4), v_min=1 - (1 << edges(0, 31)), v_max=(1 << (9 + 2 * edges(0, 7))) - 1,
    )  # fmt: skip
    cut = n // 2
    runs = (ProgramRun(0, cut, options={"reset_interval": reset, "reset_offset": 1}), ProgramRun(cut, n))
    return Chip(
        core=np.zeros(n, np.int64), registers=registers, u=edges(-state, state), v=edges(-state, state), programs=runs,
        send=send, host={"in": host}, target=target.astype(np.uint16), weight=weights.astype(np.int16),
        delay=delay.astype(np.uint8), members={"all": np.arange(n)},
    )  # fmt: skip


def random_feed(seed, steps, sources=5, largest=3):
    rng = np.random.default_rng(seed)
    count = rng.integers(0, largest + 1, (steps, sources)) * (rng.random((steps, sources)) < 0.3)
    step, source = np.nonzero(count)
    return Feed(np.searchsorted(step, np.arange(steps + 1)), source, count[step, source])


def same(one, other):
    for name in ("step", "compartment", "kept", "rows", "count"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert np.array_equal(one.state.neurons, other.state.neurons)
    assert np.array_equal(one.state.ring, other.state.ring)


chips = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "n": st.sampled_from([1, 7, BLOCK - 1, BLOCK, 2 * BLOCK + 5]),
        "weight": st.sampled_from([1, 60, 255, 1 << 11, 1 << 15]),
        "delays": st.sampled_from([0, 1, 5, 62]),
        "bias": st.sampled_from([0, 50, 1 << 12, 4095 << 7]),
        "threshold": st.sampled_from([64, 1 << 14, 131071 << 6]),
        "state": st.sampled_from([0, 1 << 10, (1 << 23) - 1]),
        "reset": st.sampled_from([0, 1, 7]),
    }
)
quiet = {
    "n": 2 * BLOCK, "weight": 60, "delays": 2, "bias": 0, "threshold": 64, "state": 0, "reset": 0, "reach": 3
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(chips, st.sampled_from(list(PROFILES.values())), st.sampled_from([1, 9, 1 << 20]))
@example({"seed": 1, **quiet}, LAVA, 1)
@example({"seed": 2, **quiet}, NENGO_LOIHI, 1)
def test_the_fast_kernel_is_the_plain_one(description, numerics, largest):
    """With registers at their ends, overflows of every cause, values beyond 32 bits, and nothing happening at all."""
    chip = random_chip(**description)
    steps, every = 40, np.arange(chip.compartments)
    fast, plain = SampleRunner(chip, numerics), SampleRunner(chip, numerics)
    plain.packed = None
    feed = random_feed(description["seed"], steps, largest=largest)
    same(*(r.run(r.start(), feed, steps, every, ROWS) for r in (fast, plain)))


def test_every_cause_was_met():
    """The chips above do overflow in every way, and some of them leave 32 bits."""
    met, left = np.zeros(len(Cause.NAMES), np.int64), 0
    for numerics in PROFILES.values():
        chip = random_chip(
            5, n=200, weight=1 << 15, delays=3, bias=4095 << 7, threshold=131071 << 6, state=1 << 22, reset=0
        )
        runner = SampleRunner(chip, numerics)
        sample = runner.run(runner.start(), random_feed(5, 300, largest=1 << 20), 300, NONE, NONE)
        met += sample.count
        left += int(np.abs(sample.state.neurons[:2]).max()) >= 1 << 31
    assert met[: Cause.LOWER + 1].all()
    assert left


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(PROFILES.values())), st.sampled_from([60, 1 << 12]))
def test_arrivals_are_what_numpy_sums(seed, numerics, weight):
    """Without recurrence, against the plain NumPy compartments on arrivals that are summed here."""
    steps, n = 30, 150
    chip = random_chip(
        seed, n=n, weight=weight, delays=4, bias=1 << 10, threshold=1 << 14, state=1 << 12, reset=0
    )
    none = np.zeros(n + 1, np.int64)
    chip = replace(chip, send=Sends(none, NONE, NONE, NONE))
    feed, host = random_feed(seed, steps), chip.host["in"]
    q = np.zeros((steps + 70, n), np.int64)
    for t in range(steps):
        for e in range(feed.start[t], feed.start[t + 1]):
            for a in range(host.axon_start[feed.source[e]], host.axon_start[feed.source[e] + 1]):
                k = slice(host.start[a], host.stop[a])
                at = (t + 1 + chip.delay[k].astype(int), host.base[a] + chip.target[k])
                np.add.at(q, at, feed.times[e] * chip.weight[k].astype(np.int64) << 6)
    r = chip.registers
    registers = replace(
        r, v_min=np.maximum(r.v_min, numerics.v_min), v_max=np.minimum(r.v_max, numerics.v_max)
    )
    wanted = lif.reference(q[:steps], registers, numerics, u=chip.u, v=chip.v)
    runner = SampleRunner(chip, numerics)
    found = runner.run(runner.start(), feed, steps, np.arange(n), ROWS)
    assert np.array_equal(found.kept.transpose(1, 0, 2), [wanted.u, wanted.v, wanted.dead, wanted.spike])
    assert np.array_equal(found.count, wanted.overflows.count)
    assert np.array_equal(np.stack([found.step, found.compartment]), np.nonzero(wanted.spike))


@pytest.mark.parametrize("numerics", [LAVA, BRIAN2_LOIHI], ids=lambda n: n.name)
def test_a_run_that_leaves_32_bits_goes_on_in_64(numerics):
    """Beyond 2^31 in the first steps, then back: every neuron loses all of u and v in a step."""
    chip = random_chip(
        3, n=300, weight=1 << 15, delays=1, bias=0, threshold=131071 << 6, state=0, reset=0, reach=300
    )
    zero = np.zeros(300, np.int64)
    chip = replace(chip, registers=replace(chip.registers, keep_u=zero, keep_v=zero))
    feed = random_feed(0, 1200, largest=4000)
    feed = Feed(np.minimum(feed.start, feed.start[3]), feed.source, feed.times)
    fast, plain = SampleRunner(chip, numerics), SampleRunner(chip, numerics)
    plain.packed = None
    assert fast.packed
    assert fast.packed.takes(0, int(feed.times.max()))
    every = np.arange(300)
    same(*(r.run(r.start(), feed, 1200, every, ROWS) for r in (fast, plain)))


def test_common_networks_keep_to_the_fast_kernel(monkeypatch):
    monkeypatch.setattr(sample_run, "run_chip", None)
    chip = random_chip(
        7, n=300, weight=255, delays=3, bias=1 << 10, threshold=1 << 16, state=1 << 10, reset=0, reach=100
    )
    for numerics in (LAVA, NENGO_LOIHI):
        runner = SampleRunner(chip, numerics)
        sample = runner.run(runner.start(), random_feed(0, 600), 600, NONE, NONE)
        assert len(sample.step)
        assert sample.count[Cause.LOWER]


def test_more_spikes_than_the_buffer_holds():
    """Every neuron spikes in every step."""
    n, steps = 300, 700
    chip = random_chip(0, n=n, weight=1, delays=0, bias=0, threshold=64, state=0, reset=0, reach=0)
    registers = replace(
        chip.registers, bias=np.full(n, 200), threshold=np.full(n, 64), refractory=np.full(n, 1)
    )
    registers = replace(registers, v_min=np.full(n, -1000), v_max=np.full(n, 1000))
    runner = SampleRunner(replace(chip, registers=registers), LAVA)
    sample = runner.run(runner.start(), Feed(np.zeros(steps + 1, np.int64), NONE, NONE), steps, NONE, NONE)
    assert np.array_equal(sample.step, np.repeat(np.arange(steps), n))
    assert np.array_equal(sample.compartment, np.tile(np.arange(n), steps))


@settings(max_examples=15, deadline=None)
@given(chips, st.sampled_from(list(PROFILES.values())), st.lists(st.integers(0, 40), max_size=3))
def test_a_run_in_parts_is_the_run(description, numerics, cuts):
    chip, steps = random_chip(**description), 40
    feed, every = random_feed(description["seed"], steps), np.arange(chip.compartments)
    runner = SampleRunner(chip, numerics)
    whole = runner.run(runner.start(), feed, steps, every, ROWS)
    state, kept = runner.start(), []
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), steps], strict=True):
        part = Feed(
            feed.start[a : b + 1] - feed.start[a], feed.source[feed.start[a] :], feed.times[feed.start[a] :]
        )
        sample = runner.run(state, part, b - a, every, ROWS)
        state = sample.state
        kept.append(sample.kept)
    assert np.array_equal(np.concatenate(kept), whole.kept)
    assert np.array_equal(state.neurons, whole.state.neurons)
    assert np.array_equal(state.ring, whole.state.ring)
