"""A network in the numbers of the chip: what mapping starts from, whoever made it.

`quantise` makes one from a plan, `netx` from a file of lava-dl; everything behind it (mapping, tables, reports) reads
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.numerics.arithmetic import shift
from neurosim.hardware.loihi.numerics.programs import Program

__all__ = ["DeviceNetwork", "DevicePopulation", "DeviceProjection", "Program", "held_decays"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def held_decays(du: Ints, dv: Ints) -> tuple[Floats, Floats]:
    """What a step leaves of the current and of the potential by these registers: fractions, float64 of their shape."""
    return (4095 - du) / 4096, (4096 - dv) / 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class DevicePopulation:
    """Neurons of one program. Registers are int64 [size] each.

    Attributes:
        du, dv: decays of the current and of the potential; 4095 - du and 4096 - dv parts in 4096 are kept.
        threshold: mantissa; a spike needs v > 64 * threshold.
        bias_mantissa, bias_exponent: the bias is mantissa << exponent.
        refractory: dead steps plus one.
        u, v: initial state.
        spiking: whether it may spike; a readout has the largest threshold and saturates below it.
        program: what the neurons compute; options: the numbers of the program that all neurons share, by name.
    """

    name: str
    size: int
    du: Ints
    dv: Ints
    threshold: Ints
    bias_mantissa: Ints
    bias_exponent: Ints
    refractory: Ints
    u: Ints
    v: Ints
    spiking: bool = True
    program: Program = Program.LIF
    options: Mapping[str, int] = field(default_factory=dict)

    @property
    def bias(self) -> Ints:
        """What a step adds to the potential, in units of the state, int64 [size]."""
        return shift(self.bias_mantissa, self.bias_exponent)

    @property
    def decays(self) -> tuple[Floats, Floats]:
        """What a step leaves of the current and of the potential: fractions, float64 [size] each."""
        return held_decays(self.du, self.dv)


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceProjection:
    """Synapses by source neuron, arrays [k]; one acts on the state with ``weight * 2^(6 + exponent)``.

    Attributes:
        row_start: int64 [size of pre + 1]; the synapses of source neuron i are row_start[i]:row_start[i + 1].
        target: int64, postsynaptic neuron. weight: int64, as stored. exponent: int64. mode: int64, a `SignMode`.
        delay: int64, register value: one less than the steps from spike to arrival.
        accumulator: which input of the neuron program it feeds; programs but resonators have one.
    """

    name: str
    pre: str
    post: str
    row_start: Ints
    target: Ints
    weight: Ints
    exponent: Ints
    mode: Ints
    delay: Ints
    accumulator: int = 0

    @cached_property
    def source(self) -> Ints:
        """Presynaptic neuron of each synapse, int64 [k]."""
        return np.repeat(np.arange(len(self.row_start) - 1, dtype=np.int64), np.diff(self.row_start))

    @cached_property
    def by_target(self) -> tuple[Ints, Ints]:
        """Synapses in order of (target, source), and their targets in that order, int64 [k] each."""
        order = np.argsort(self.target, kind="stable")
        return order, self.target[order]

    @cached_property
    def longest_delay(self) -> int:
        """Largest register value; 0 without synapses."""
        return int(self.delay.max(initial=0))


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceNetwork:
    """Inputs (their sizes) and populations by name, and projections."""

    inputs: Mapping[str, int]
    populations: Mapping[str, DevicePopulation]
    projections: tuple[DeviceProjection, ...]

    def __post_init__(self) -> None:
        for p in self.projections:
            if p.post not in self.populations or p.pre not in {*self.inputs, *self.populations}:
                raise DescriptionError("joins what is not there", where=f"projection {p.name!r}")

    @cached_property
    def n_inputs(self) -> int:
        """Neurons of all inputs together: in the count of `first_neuron` those of populations begin here."""
        return sum(self.inputs.values())

    @cached_property
    def n_neurons(self) -> int:
        """Neurons of all populations together."""
        return sum(p.size for p in self.populations.values())

    def size_of(self, name: str) -> int:
        """Neurons of an input or population."""
        return self.inputs[name] if name in self.inputs else self.populations[name].size

    def incoming(self, population: str) -> tuple[DeviceProjection, ...]:
        """Projections that end at a population."""
        return tuple(p for p in self.projections if p.post == population)

    @cached_property
    def first_neuron(self) -> Mapping[str, int]:
        """Number of the first neuron of each input, then of each population, in one common count."""
        names = [*self.inputs, *self.populations]
        ends = np.cumsum([0, *(self.size_of(name) for name in names)]).tolist()
        return dict(zip(names, ends[:-1], strict=True))
