"""A chip of leaky integrate-and-fire neurons in the layout of the fast kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.loihi.emulator.block_update import BLOCK, FIELDS, STATE_LIMIT
from neurosim.hardware.loihi.emulator.chip import Chip
from neurosim.hardware.loihi.emulator.run_blocks import Blocks, Limits, PackedAxons
from neurosim.hardware.loihi.numerics.profiles import CurrentRule, Numerics
from neurosim.hardware.loihi.numerics.programs import Program

__all__ = ["PackedChip", "pack"]

Ints = NDArray[np.int64]

_SUM_LIMIT = 1 << 22
"""Largest sum of arrivals that is computed in 32 bits, in units of a weight."""
_HELD = 1 << 30
"""Largest sum that an accumulator may come to hold."""


@dataclass(frozen=True, eq=False)
class PackedChip:
    """The constant arrays of `run_blocks`, and how much can arrive at an accumulator in one step: ``largest_sum`` if
    all compartments spike at once, and ``largest_input`` if all inputs do."""

    registers: NDArray[np.int32]
    limits: Limits
    axons: PackedAxons
    inputs: PackedAxons
    synapses: NDArray[np.int32]
    largest_sum: int
    largest_input: int

    def takes(self, held: int, count: int) -> bool:
        """Whether 32-bit accumulators do that hold up to ``held`` at first, with inputs of up to ``count`` spikes."""
        return held + self.largest_sum + self.largest_input * count <= _HELD

    def blocks(self, slots: int) -> Blocks:
        """Empty state."""
        n = len(self.registers)
        fires = np.zeros((n, BLOCK), np.bool_)
        return Blocks(
            state=np.zeros((n, 3 * BLOCK), np.int32),
            still=np.zeros(n, np.uint8),
            ring=np.zeros(slots * n * BLOCK, np.int32),
            fires=fires,
            words=fires.view(np.uint64),
            before=np.zeros(4 * BLOCK, np.int32),
            ones=np.ones(n * BLOCK, np.int64),
        )


def pack(chip: Chip, numerics: Numerics, v_min: Ints, v_max: Ints) -> PackedChip | None:
    """The chip for the fast kernel, or None if that kernel cannot run it.

    Args:
        v_min, v_max: int64 [N], range of the potential, by register and arithmetic.
    """
    r = chip.registers
    values = {name: getattr(r, name) for name in FIELDS[:5]}
    if any(run.program is not Program.LIF for run in chip.programs):
        return None
    if any(np.abs(x).max(initial=0) > STATE_LIMIT for x in values.values()):
        return None
    if max(len(chip.weight), chip.compartments * chip.slots) >= 1 << 31:
        return None
    clips = bool((v_min < -STATE_LIMIT).any() or (v_max > STATE_LIMIT).any())
    values["v_min"] = np.maximum(v_min, -STATE_LIMIT)
    values["v_max"] = np.minimum(v_max, STATE_LIMIT)
    n = -(-chip.compartments // BLOCK)
    registers = np.zeros((n, len(FIELDS), BLOCK), np.int32)
    for i, name in enumerate(FIELDS):
        column = np.zeros(n * BLOCK, np.int64)
        column[: chip.compartments] = values[name]
        registers[:, i] = column.reshape(n, BLOCK)
    packed, largest = [], []
    for sends in (chip.send, chip.inputs):
        common, sums = np.empty(len(sends.start), np.int32), np.zeros(chip.compartments, np.int64)
        _look_at_lists(
            sends.start, sends.stop, sends.base, chip.target, chip.weight, chip.delay, common, sums
        )
        to = np.stack([sends.start, sends.stop, sends.base, common], axis=1).astype(np.int32)
        packed.append(PackedAxons(sends.axon_start, to))
        largest.append(int(sums.max(initial=0)))
    return PackedChip(
        registers=registers.reshape(n, -1),
        limits=_limits(numerics, clips),
        axons=packed[0],
        inputs=packed[1],
        synapses=(chip.target.astype(np.uint32) | chip.weight.astype(np.uint32) << np.uint32(16)).view(
            np.int32
        ),
        largest_sum=largest[0],
        largest_input=largest[1],
    )


@njit(cache=True, nogil=True)
def _look_at_lists(start, stop, base, target, weight, delay, common, sums):  # type: ignore[no-untyped-def]
    """The delay that all synapses of each axon have, or -1; and the sum of magnitudes that arrive if all spike."""
    for a in range(start.shape[0]):
        same = np.int64(delay[start[a]]) if start[a] < stop[a] else np.int64(0)
        for k in range(start[a], stop[a]):
            sums[base[a] + target[k]] += abs(np.int64(weight[k]))
            if delay[k] != same:
                same = np.int64(-1)
        common[a] = same


def _limits(numerics: Numerics, clips: bool) -> Limits:
    held, wide = 1 << 23, 2 * STATE_LIMIT
    width = 1 << max(numerics.accumulator_bits - 7, 0)
    sums = (-width, width - 1) if numerics.accumulator_bits else (-_SUM_LIMIT, _SUM_LIMIT)
    currents = {
        CurrentRule.WRAP: (-held, held - 1),
        CurrentRule.WRAP_ONCE: (1 - held, held),
        CurrentRule.UNBOUNDED: (-STATE_LIMIT, STATE_LIMIT),
    }
    half = 1 << max(numerics.bias_bits - 1, 0)
    drives = (-half, half - 1) if numerics.bias_bits else (-wide, wide)
    return Limits(*sums, *currents[numerics.current], *drives, int(clips))
