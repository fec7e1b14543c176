"""A network in the numbers of the chip on one core without limits: what it computes wherever mapping puts it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.emulator.chip import Chip, ProgramRun, Sends
from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX, shift
from neurosim.hardware.loihi.numerics.lif import Registers
from neurosim.hardware.loihi.numerics.programs import PROGRAMS
from neurosim.hardware.loihi.numerics.voltage_register import LOWEST_V_MIN, READOUT_V_MAX

__all__ = ["virtual_chip"]

Ints = NDArray[np.int64]


def virtual_chip(network: DeviceNetwork) -> Chip:
    """All neurons on one core that holds anything; no mapping and no files. A build of the network gives the same
    results as long as its cores hold populations that all spike, or readouts alone.

    Raises:
        DescriptionError: a weight or a delay that no synapse holds.
    """
    populations = network.populations.values()
    n = network.n_neurons
    inputs = network.n_inputs
    first = network.first_neuron
    width = max((PROGRAMS[p.program].accumulators for p in populations), default=1)

    def joined(columns: list[Ints]) -> Ints:
        return np.concatenate([np.zeros(0, np.int64), *columns])

    source = joined([p.source + first[p.pre] for p in network.projections])
    ends = [(p.target + first[p.post] - inputs) * width + p.accumulator for p in network.projections]
    target = joined(ends)
    # a list holds 16 bits of its targets: an axon for each 2^16 accumulators that a neuron reaches
    segment = target >> 16
    order = np.lexsort((segment, source))
    source, target, segment = source[order], target[order] & 0xFFFF, segment[order]
    weight = joined([shift(p.weight, p.exponent) for p in network.projections])[order]
    delay = joined([p.delay for p in network.projections])[order]
    if len(weight) and (np.abs(weight).max() > 1 << 15 or weight.max() == 1 << 15 or delay.max() > 63):
        raise DescriptionError(
            "has a synapse that no core holds", where="device network", limit="16-bit weights, delays 0 to 63"
        )
    begins = np.flatnonzero((np.diff(source, prepend=-1) != 0) | (np.diff(segment, prepend=-1) != 0))
    bounds = np.append(begins, len(source))

    def sends(begin: int, size: int) -> Sends:
        axons = np.searchsorted(source[begins], begin + np.arange(size + 1))
        mine = slice(axons[0], axons[-1])
        return Sends(axons - axons[0], bounds[:-1][mine], bounds[1:][mine], segment[begins][mine] << 16)

    def placed(name: str) -> int:
        return first[name] - inputs

    return Chip(
        core=np.zeros(n, np.int64),
        registers=Registers(
            keep_u=joined([4095 - p.du for p in populations]),
            keep_v=joined([4096 - p.dv for p in populations]),
            bias=joined([p.bias for p in populations]),
            threshold=joined([p.threshold << 6 for p in populations]),
            refractory=joined([p.refractory for p in populations]),
            v_min=np.full(n, LOWEST_V_MIN),  # the arithmetic may have a narrower range
            v_max=joined([np.full(p.size, STATE_MAX if p.spiking else READOUT_V_MAX) for p in populations]),
        ),
        u=joined([p.u for p in populations]),
        v=joined([p.v for p in populations]),
        programs=tuple(
            ProgramRun(placed(name), placed(name) + p.size, p.program, p.options)
            for name, p in network.populations.items()
        ),
        send=sends(inputs, n),
        host={name: sends(first[name], size) for name, size in network.inputs.items()},
        target=target.astype(np.uint16),
        weight=weight.astype(np.int16),
        delay=delay.astype(np.uint8),
        members={name: np.arange(p.size) + placed(name) for name, p in network.populations.items()},
    )
