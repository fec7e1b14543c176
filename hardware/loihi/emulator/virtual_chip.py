"""A network in the numbers of the chip as one core without limits: what it computes wherever mapping puts its neurons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.emulator.loaded_chip import Chip, Sends
from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX, shift
from neurosim.hardware.loihi.numerics.lif import Registers

__all__ = ["virtual_chip"]

Ints = NDArray[np.int64]

_READOUT_MAX = (1 << 21) - 1
"""the largest potential register below the largest threshold: neurons that never spike saturate there"""


def virtual_chip(network: DeviceNetwork) -> Chip:
    """All neurons on one core that holds anything; no mapping and no files. A build of the network gives the same
    results as long as its cores hold populations that all spike, or readouts alone."""
    populations = network.populations.values()
    n = sum(p.size for p in populations)
    inputs = sum(network.inputs.values())
    first = network.first_neuron

    def joined(columns: list[Ints]) -> Ints:
        return np.concatenate([np.zeros(0, np.int64), *columns])

    source = joined([p.source + first[p.pre] for p in network.projections])
    order = np.argsort(source, kind="stable")
    start = np.searchsorted(source[order], np.arange(inputs + n + 1))
    target = joined([p.target + first[p.post] - inputs for p in network.projections])[order]
    weight = joined([shift(p.weight, p.exponent) << 6 for p in network.projections])[order]
    delay = joined([p.delay for p in network.projections])[order]

    def sends(begin: int, size: int) -> tuple[Ints, Sends]:
        part = start[begin : begin + size + 1]
        return np.arange(size + 1), Sends(part[:-1], part[1:], np.zeros(size, np.int64))

    axon_start, send = sends(inputs, n)
    members = {}
    for name, p in network.populations.items():
        members[name] = np.arange(p.size) + (first[name] - inputs)
    return Chip(
        registers=Registers(
            keep_u=joined([4095 - p.du for p in populations]),
            keep_v=joined([4096 - p.dv for p in populations]),
            bias=joined([shift(p.bias_mantissa, p.bias_exponent) for p in populations]),
            threshold=joined([p.threshold << 6 for p in populations]),
            refractory=joined([p.refractory for p in populations]),
            v_min=np.full(n, -STATE_MAX),
            v_max=joined([np.full(p.size, STATE_MAX if p.spiking else _READOUT_MAX) for p in populations]),
        ),
        u=joined([p.u for p in populations]),
        v=joined([p.v for p in populations]),
        axon_start=axon_start,
        send=send,
        target=target.astype(np.int32),
        weight=weight.astype(np.int32),
        delay=delay.astype(np.int32),
        slots=1 << (int(delay.max(initial=0)) + 1).bit_length(),
        members=members,
        host={name: sends(first[name], size) for name, size in network.inputs.items()},
    )
