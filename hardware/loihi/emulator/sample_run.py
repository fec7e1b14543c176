"""One sample of a chip, by the fast kernel where it can and by the 64-bit one where it must."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.emulator.block_update import BLOCK, STATE_LIMIT
from neurosim.hardware.loihi.emulator.chip import Chip, Sends
from neurosim.hardware.loihi.emulator.chip_state import ChipState
from neurosim.hardware.loihi.emulator.kernel_arrays import Axons, Feed, Found, Spikes, Watch
from neurosim.hardware.loihi.emulator.packed_chip import PackedChip, pack
from neurosim.hardware.loihi.emulator.run_blocks import Blocks, run_blocks
from neurosim.hardware.loihi.emulator.run_chip import run_chip
from neurosim.hardware.loihi.numerics.overflow import located, overflow_rows
from neurosim.hardware.loihi.numerics.profiles import Numerics
from neurosim.hardware.loihi.numerics.programs import (
    PROGRAMS,
    REGISTER_ROWS,
    option_values,
    register_rows,
)

__all__ = ["Sample", "SampleRunner"]

Ints = NDArray[np.int64]

LOCATED_OVERFLOWS = 64
"""Overflows of a sample that are listed with their place, besides the first of every cause; the others are counted into
the last one of their cause."""
_PIECE = 256
"""Steps after which the state is kept, to go back to if a value turns up that 32 bits do not hold."""
_SPIKES_HELD = 1 << 16


@dataclass(frozen=True, eq=False)
class Sample:
    """What came out: spikes by (step, compartment), the watched rows of the state [T, R, W], overflows (rows as
    `located` gives them, and their count), and the state."""

    step: NDArray[np.int32]
    compartment: NDArray[np.int32]
    kept: Ints
    rows: Ints
    count: Ints
    state: ChipState


class SampleRunner:
    """Runs samples of a chip; nothing of a run stays in it, so threads may share it.

    Attributes:
        packed: the layout of the fast kernel; None where that cannot run the chip.
    """

    def __init__(self, chip: Chip, numerics: Numerics) -> None:
        self.chip = chip
        r = chip.registers
        self._registers = replace(
            r, v_min=np.maximum(r.v_min, numerics.v_min), v_max=np.minimum(r.v_max, numerics.v_max)
        )
        runs = [(p.first, p.stop, int(p.program), PROGRAMS[p.program].weight_shift) for p in chip.programs]
        self._runs = np.array(runs, np.int64).reshape(-1, 4)
        self._options = np.array(
            [option_values(p.program, p.options, numerics) for p in chip.programs], np.int64
        ).reshape(len(chip.programs), -1)
        self.registers = np.zeros((REGISTER_ROWS, chip.compartments), np.int64)
        for p, options in zip(chip.programs, self._options, strict=True):
            here = slice(p.first, p.stop)
            part = {name: values[here] for name, values in vars(self._registers).items()}
            self.registers[:, here] = register_rows(p.program, type(r)(**part), options)
        self.packed: PackedChip | None = pack(chip, numerics, self._registers.v_min, self._registers.v_max)
        self._axons, self._inputs = _as_read(chip.send), _as_read(chip.inputs)

    def start(self) -> ChipState:
        """The state that a run begins with."""
        state = ChipState.of_zeros(self.chip)
        state.neurons[0], state.neurons[1] = self.chip.u, self.chip.v
        return state

    def run(self, state: ChipState, feed: Feed, steps: int, compartments: Ints, rows: Ints) -> Sample:
        """Run ``steps`` steps.

        Args:
            state: where to begin; it is not changed.
            feed: input spikes, steps counted from the begin of the run.
            compartments, rows: of which compartments to keep which rows of the state; `STATE_ROWS` is the message.
        """
        run = _Run(self, state, feed, steps, Watch(compartments, rows, np.zeros(0, np.int64)))
        return run.result()


class _Run:
    """A run under way: the state as int64, or in blocks while the fast kernel has it."""

    def __init__(self, runner: SampleRunner, state: ChipState, feed: Feed, steps: int, watch: Watch) -> None:
        self.runner, self.chip, self.steps = runner, runner.chip, steps
        types = (np.int64, np.int32, np.int64)
        self.feed = Feed(*(np.ascontiguousarray(a, t) for a, t in zip(feed, types, strict=True)))
        n = runner.chip.compartments
        self.born = state.step
        self.neurons, self.ring = state.neurons.copy(), state.ring.copy()
        kept = np.zeros((steps, len(watch.row), len(watch.compartment)), np.int64)
        self.watch = watch._replace(kept=kept)
        self.found = Found(*overflow_rows(LOCATED_OVERFLOWS))
        room = max(_SPIKES_HELD, 2 * n)
        self.spikes = Spikes(np.zeros(steps + 1, np.int64), np.empty(room, np.int32))
        self.loudest = int(feed.times.max(initial=0))
        self.out, self.q, self.q2 = (np.zeros(n, np.int64) for _ in range(3))
        self.begin = 0
        self.lists: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []

    def result(self) -> Sample:
        slow = _PIECE
        while self.begin < self.steps:
            if self._fits():
                self._run_fast()
            else:
                slow = 2 * slow
            if self.begin < self.steps:  # a value was too large: a while without, then try again
                self._advance(self._slow_kernel(), min(self.begin + slow, self.steps))
        nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32))
        step, compartment = (np.concatenate(c) for c in zip(nothing, *self.lists, strict=True))
        rows = located(self.found.rows, self.found.counted)
        rows[:, 1] -= self.born
        state = ChipState(self.born + self.steps, self.neurons, self.ring)
        return Sample(step, compartment, self.watch.kept, rows, self.found.counted, state)

    def _advance(self, kernel: Any, end: int) -> bool:
        """Go on to ``end``, collecting spikes. False: the kernel found a value that it does not hold."""
        while self.begin < end:
            self.spikes.end[self.begin] = 0
            reached = kernel(self.begin, end)
            if reached < 0:
                return False
            counts = np.diff(self.spikes.end[self.begin : reached + 1])
            found = int(self.spikes.end[reached])
            steps = np.repeat(np.arange(self.begin, reached, dtype=np.int32), counts)
            self.lists.append((steps, self.spikes.compartment[:found].copy()))
            self.begin = reached
        return True

    def _slow_kernel(self) -> Any:
        r, c = self.runner, self.chip

        def kernel(begin: int, end: int) -> int:
            reached: int = run_chip(
                begin, end, self.born, c.width, r._runs, r._options, r.registers, self.neurons, self.ring, self.out,
                self.q, self.q2, r._axons, r._inputs, c.target, c.weight, c.delay, self.feed, self.spikes, self.watch,
                self.found,
            )  # fmt: skip
            return reached

        return kernel

    def _fits(self) -> bool:
        """Whether the fast kernel may begin with the present state."""
        p = self.runner.packed
        if p is None or np.abs(self.neurons[:2]).max(initial=0) > STATE_LIMIT:
            return False
        return p.takes(int(np.abs(self.ring).max(initial=0)), self.loudest)

    def _run_fast(self) -> None:
        """As far as the fast kernel gets; the state is that of `begin` afterwards."""
        r, c, p = self.runner, self.chip, self.runner.packed
        if p is None:
            return
        blocks = self._packed_state(p)

        def kernel(begin: int, end: int) -> int:
            reached: int = run_blocks(
                begin, end, self.born, c.compartments, r._runs, r._options, r.registers, p.registers, p.limits,
                blocks, self.q, self.neurons, self.out, p.axons, p.inputs, p.synapses, c.delay, self.feed, self.spikes,
                self.watch, self.found,
            )  # fmt: skip
            return reached

        while self.begin < self.steps:
            begin, lists = self.begin, len(self.lists)
            arrays: list[NDArray[Any]] = [blocks.state, blocks.still, blocks.ring, *self.found]
            before = [a.copy() for a in arrays]
            if not self._advance(kernel, min(begin + _PIECE, self.steps)):
                for held, now in zip(before, arrays, strict=True):
                    now[...] = held
                self.begin = begin
                del self.lists[lists:]
                break
        self._unpack(blocks)

    def _packed_state(self, p: PackedChip) -> Blocks:
        n, blocks = self.chip.compartments, p.blocks(len(self.ring))
        cells = len(blocks.state) * BLOCK
        for row in range(3):
            column = np.zeros(cells, np.int32)
            column[:n] = self.neurons[row]
            blocks.state[:, row * BLOCK : (row + 1) * BLOCK] = column.reshape(-1, BLOCK)
        blocks.ring.reshape(-1, cells)[:, :n] = self.ring
        return blocks

    def _unpack(self, blocks: Blocks) -> None:
        n = self.chip.compartments
        for row in range(3):
            part = blocks.state[:, row * BLOCK : (row + 1) * BLOCK]
            self.neurons[row] = part.reshape(-1)[:n]
        self.ring[:] = blocks.ring.reshape(len(self.ring), -1)[:, :n]


def _as_read(sends: Sends) -> Axons:
    return Axons(sends.axon_start, np.stack([sends.start, sends.stop, sends.base], axis=1))
