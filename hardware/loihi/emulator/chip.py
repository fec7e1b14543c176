"""A chip in flat arrays, the compartments of all its cores counted through: what the emulator runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.programs import PROGRAMS, Program

__all__ = ["Chip", "ProgramRun", "Sends"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sends:
    """Axons of some sources, and what they lead to; int64 arrays.

    Attributes:
        axon_start: [sources + 1]; source i has the axons axon_start[i] to axon_start[i + 1] - 1.
        start, stop, base: [axons]; an axon leads to the synapses ``start`` to ``stop - 1``, which end at their targets
            counted from accumulator ``base`` on.
    """

    axon_start: Ints
    start: Ints
    stop: Ints
    base: Ints

    @staticmethod
    def joined(parts: list[Sends]) -> Sends:
        """Those of several groups of sources, one group after the other."""
        starts, first = [np.zeros(1, np.int64)], 0
        for p in parts:
            starts.append(p.axon_start[1:] + first)
            first += len(p.start)
        nothing = np.zeros(0, np.int64)
        columns = [
            np.concatenate([nothing, *(getattr(p, name) for p in parts)])
            for name in ("start", "stop", "base")
        ]
        return Sends(np.concatenate(starts), *columns)


@dataclass(frozen=True)
class ProgramRun:
    """Compartments ``first`` to ``stop - 1`` run a program with these options."""

    first: int
    stop: int
    program: Program = Program.LIF
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Chip:
    """N compartments on the cores of a chip.

    Attributes:
        core: number of each compartment's core, int64 [N]; all compartments of a core follow each other.
        registers: as of leaky integrate-and-fire neurons, whatever the program.
        u, v: initial state, int64 [N].
        programs: runs of compartments that cover all of them, in order.
        send: axons of the compartments. host: those of the neurons of each input.
        target: uint16 [synapses], the accumulator where a synapse ends, counted from the base of the axon. Compartment
            c has the ``width`` accumulators from width * c on.
        weight: int16 [synapses], what a spike adds: the mantissa with its exponent.
        delay: uint8 [synapses], one less than the steps from spike to arrival.
        members: compartment of each neuron of each population.
    """

    core: Ints
    registers: Registers
    u: Ints
    v: Ints
    programs: tuple[ProgramRun, ...]
    send: Sends
    host: Mapping[str, Sends]
    target: NDArray[np.uint16]
    weight: NDArray[np.int16]
    delay: NDArray[np.uint8]
    members: Mapping[str, Ints]

    @property
    def compartments(self) -> int:
        """N."""
        return len(self.v)

    @cached_property
    def width(self) -> int:
        """Accumulators of a compartment: as many as the program that has most of them."""
        return max((PROGRAMS[r.program].accumulators for r in self.programs), default=1)

    @cached_property
    def slots(self) -> int:
        """Steps that accumulators are held for: a power of two beyond the longest delay."""
        return 1 << (int(self.delay.max(initial=0)) + 1).bit_length()

    @cached_property
    def inputs(self) -> Sends:
        """Axons of all inputs, their neurons counted through."""
        return Sends.joined(list(self.host.values()))

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Number of the first neuron of each input in `inputs`."""
        ends = np.cumsum([0, *(len(s.axon_start) - 1 for s in self.host.values())]).tolist()
        return dict(zip(self.host, ends[:-1], strict=True))
