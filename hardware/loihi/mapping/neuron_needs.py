"""What the neurons of a network ask of a core beside synapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.numerics.programs import PROGRAMS, Program
from neurosim.hardware.loihi.numerics.voltage_register import READOUT_V_MAX

__all__ = ["NeuronNeeds", "needs_of", "slot_bits"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class NeuronNeeds:
    """Neurons of all populations, one after another; arrays int64 [neurons] or [populations].

    Attributes:
        start: [populations + 1], first neuron of each population; population: [neurons].
        profile, threshold: [neurons], numbers of the distinct registers.
        program: [populations]; a core computes one.
        delay_bits, accumulators: [populations]; a compartment takes accumulators << delay_bits of its core.
        readout, high: [populations], 0 or 1: whether it never spikes, and whether a threshold lies where a core with
            a readout saturates. Such two cannot share a core. Where all thresholds are lower, they can: a potential
            that saturates above its threshold is reset all the same.
    """

    start: Ints
    population: Ints
    profile: Ints
    threshold: Ints
    program: Ints
    delay_bits: Ints
    accumulators: Ints
    readout: Ints
    high: Ints


def slot_bits(network: DeviceNetwork, population: str, limits: Mapping[str, int]) -> int:
    """Bits of the accumulator index of a core that holds a population: 2^bits slots hold delays up to 2^bits - 2."""
    longest = max((p.longest_delay for p in network.incoming(population)), default=0)
    return max(limits["delay_bits_minimum"], (longest + 1).bit_length())


def needs_of(network: DeviceNetwork, limits: Mapping[str, int]) -> NeuronNeeds:
    """The needs of a network's neurons."""
    names, populations = list(network.populations), list(network.populations.values())
    start = np.cumsum([0, *(p.size for p in populations)]).astype(np.int64)
    registers = np.zeros((int(start[-1]), 3), np.int64)
    thresholds = np.zeros(int(start[-1]), np.int64)
    for p, first in zip(populations, start.tolist(), strict=False):
        here = slice(first, first + p.size)
        registers[here, 0], registers[here, 1], registers[here, 2] = p.du, p.dv, p.refractory
        thresholds[here] = p.threshold

    def each(values: list[int]) -> Ints:
        return np.array(values, dtype=np.int64)

    return NeuronNeeds(
        start=start,
        population=np.repeat(np.arange(len(populations)), np.diff(start)),
        profile=np.unique(registers, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64),
        threshold=np.unique(thresholds, return_inverse=True)[1].reshape(-1).astype(np.int64),
        program=each([int(p.program) for p in populations]),
        delay_bits=each([slot_bits(network, name, limits) for name in names]),
        accumulators=each([PROGRAMS[p.program].accumulators for p in populations]),
        readout=each([not p.spiking for p in populations]),
        high=each(
            [
                p.spiking
                and p.program is Program.LIF
                and int(p.threshold.max(initial=0)) << 6 >= READOUT_V_MAX
                for p in populations
            ]
        ),
    )
