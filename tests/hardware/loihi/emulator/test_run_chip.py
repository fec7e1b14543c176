from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurosim.hardware.loihi.emulator.chip import Chip, ProgramRun, Sends
from neurosim.hardware.loihi.emulator.kernel_arrays import Feed
from neurosim.hardware.loihi.emulator.sample_run import SampleRunner
from neurosim.hardware.loihi.numerics import lif
from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.programs import PROGRAMS, Program, option_values, register_rows

NONE = np.zeros(0, np.int64)
N, STEPS = 20, 60
OPTIONS = {
    Program.TERNARY_LIF: {"threshold_low": -70, "reset_interval": 11, "reset_offset": 3},
    Program.SIGMA_DELTA: {"spike_exp": 2, "state_exp": 3},
    Program.DELTA: {"spike_exp": 1, "cum_error": 1},
    Program.RESONATE_AND_FIRE: {"sin": 600, "cos": 4000},
    Program.RESONATE_AND_FIRE_IZHIKEVICH: {"sin": 600, "cos": 4000},
}


def chip_of(program, rng):
    """Neurons of one program behind leaky integrate-and-fire ones that nothing reaches, driven by four inputs."""
    width, other = PROGRAMS[program].accumulators, 3
    size = rng.integers(1, 8, 4)
    stop = np.cumsum(size)
    k = int(stop[-1])
    n = N + other
    registers = Registers.of(
        n, du=rng.integers(0, 4096, n), dv=rng.integers(0, 4096, n), threshold=rng.integers(1, 100, n) << 6,
        bias=rng.integers(-20, 20, n) * (np.arange(n) >= other), refractory=rng.integers(1, 4, n),
    )  # fmt: skip
    return Chip(
        core=np.zeros(n, np.int64), registers=registers, u=np.zeros(n, np.int64), v=np.zeros(n, np.int64),
        programs=(ProgramRun(0, other), ProgramRun(other, n, program, OPTIONS.get(program, {}))),
        send=Sends(np.zeros(n + 1, np.int64), NONE, NONE, NONE),
        host={"in": Sends(np.arange(5), stop - size, stop, np.full(4, width * other))},
        target=rng.integers(0, width * N, k).astype(np.uint16), weight=rng.integers(-255, 256, k).astype(np.int16),
        delay=rng.integers(0, 6, k).astype(np.uint8), members={"others": np.arange(3), "pool": np.arange(3, n)},
    )  # fmt: skip


def arrivals_of(chip, feed):
    """Sums of every step in NumPy, [T, N, width]."""
    width, host = chip.width, chip.host["in"]
    sums = np.zeros((STEPS + 70, N * width), np.int64)
    for t in range(STEPS):
        for e in range(feed.start[t], feed.start[t + 1]):
            k = slice(host.start[feed.source[e]], host.stop[feed.source[e]])
            at = (t + 1 + chip.delay[k].astype(int), chip.target[k])
            np.add.at(sums, at, feed.times[e] * chip.weight[k].astype(np.int64))
    return sums[:STEPS].reshape(STEPS, N, width)


@pytest.mark.parametrize("program", list(Program), ids=lambda p: p.name)
def test_every_program_gets_its_arrivals(program):
    """Against the plain NumPy form of the program."""
    rng = np.random.default_rng(int(program))
    chip = chip_of(program, rng)
    times = rng.integers(0, 4, (STEPS, 4)) * (rng.random((STEPS, 4)) < 0.3)
    step, source = np.nonzero(times)
    feed = Feed(np.searchsorted(step, np.arange(STEPS + 1)), source, times[step, source])
    runner = SampleRunner(chip, LAVA)
    rows = [*range(len(PROGRAMS[program].state)), 4]
    found = runner.run(runner.start(), feed, STEPS, np.arange(3, 3 + N), np.array(rows))
    rules, sums = PROGRAMS[program], arrivals_of(chip, feed)
    part = Registers(**{name: values[3:] for name, values in vars(chip.registers).items()})
    options = option_values(program, OPTIONS.get(program, {}), LAVA)
    if rules.reference is None:
        low = np.full(N, -70 << 6) if program is Program.TERNARY_LIF else None
        every = OPTIONS.get(program, {})
        trace = lif.reference(
            sums[..., 0] << 6, part, LAVA, threshold_low=low, reset_every=every.get("reset_interval", 0),
            reset_offset=every.get("reset_offset", 0),
        )  # fmt: skip
        wanted = np.stack([trace.u, trace.v, trace.dead, trace.spike], axis=1)
    else:
        state, registers = np.zeros((4, N), np.int64), register_rows(program, part, options)
        wanted = np.zeros((STEPS, len(rows), N), np.int64)
        for t in range(STEPS):
            q = sums[t] << rules.weight_shift
            message = rules.reference(q[:, 0], q[:, -1], state, registers, options)
            wanted[t] = [*state[: len(rules.state)], message]
    assert np.array_equal(found.kept, wanted)
    assert np.array_equal(np.stack([found.step, found.compartment - 3]), np.nonzero(wanted[:, -1]))
    assert len(found.step)


def test_messages_act_with_their_number():
    """A graded neuron of message m adds m times the weight to the next one, a step later; negative ones too."""
    chip = chip_of(Program.GRADED, np.random.default_rng(0))
    n = 3 + N
    axons = np.zeros(n + 1, np.int64)
    axons[4:] = 1  # compartment 3 leads to compartment 4 with weight 5
    host = Sends(np.array([0, 1]), np.array([1]), np.array([2]), np.array([3]))
    chip = replace(
        chip, send=Sends(axons, np.array([0]), np.array([1]), np.array([3])), host={"in": host},
        target=np.array([1, 0], np.uint16), weight=np.array([5, -200], np.int16), delay=np.zeros(2, np.uint8),
    )  # fmt: skip
    runner = SampleRunner(chip, LAVA)
    feed = Feed(np.array([0, 1, 1, 1, 1]), np.array([0]), np.array([7]))
    found = runner.run(runner.start(), feed, 4, np.array([3, 4]), np.array([4]))
    assert found.kept[:, 0].tolist() == [[0, 0], [-1400, 0], [0, -7000], [0, 0]]
