"""The synapses that end on a core, sorted into lists by presynaptic neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork, DeviceProjection
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.numerics.programs import PROGRAMS

__all__ = ["AxonLists", "discrete_lists"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AxonLists:
    """All synapses that end on one core, a list for each input axon; int64 arrays.

    Attributes:
        source: [atoms of all axons]; atoms, kind: [axons]; as in `InputAxons`.
        start: [axons + 1]; list i is start[i]:start[i + 1] of the arrays [k] below, sorted by (atom, compartment,
            delay); all atoms of an axon have the same compartments and delays, with zeros for values they lack.
        atom, compartment, delay: the register value of the delay.
        value: what a synapse adds, ``weight * 2^(exponent + 7)``: whole for every exponent of the register.
        held: ``16 * mode + exponent + 7``, how the network holds the weight.
    """

    source: Ints
    atoms: Ints
    kind: Ints
    start: Ints
    atom: Ints
    compartment: Ints
    delay: Ints
    value: Ints
    held: Ints


class _Columns(NamedTuple):
    """Synapses with a weight in order of target and source: a core's are one piece."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    delay: NDArray[np.uint8]
    value: NDArray[np.int32]
    held: NDArray[np.uint8]


_COLUMNS: WeakKeyDictionary[DeviceProjection, _Columns] = WeakKeyDictionary()


def _by_target(p: DeviceProjection) -> _Columns:
    if p not in _COLUMNS:
        order = p.by_target[0]
        order = order[p.weight[order] != 0]
        exponent = p.exponent + 7
        _COLUMNS[p] = _Columns(
            source=p.source.astype(np.int32)[order],
            target=p.target.astype(np.int32)[order],
            delay=p.delay.astype(np.uint8)[order],
            value=(p.weight << exponent).astype(np.int32)[order],
            held=(p.mode << 4 | exponent).astype(np.uint8)[order],
        )
    return _COLUMNS[p]


def discrete_lists(network: DeviceNetwork, slices: Sequence[CoreSlice]) -> AxonLists:
    """An axon for each presynaptic neuron, ascending, of the neurons in these slices; no synapses of weight zero.

    Where a program of the core has several accumulators, "compartment" c stands for accumulator c % n of compartment
    c // n.
    """
    parts: list[tuple[Ints, ...]] = [(np.zeros(0, np.int64),) * 5]
    first = network.first_neuron
    width = max((PROGRAMS[network.populations[s.population].program].accumulators for s in slices), default=1)
    for part in slices:
        for p in network.incoming(part.population):
            columns = _by_target(p)
            ends = np.array([part.neurons.start, part.neurons.stop], dtype=columns.target.dtype)
            low, high = np.searchsorted(columns.target, ends)
            source, target, delay, value, held = (c[low:high].astype(np.int64) for c in columns)
            place = (target + (part.first - part.neurons.start)) * width + p.accumulator
            parts.append((source + first[p.pre], place, delay, value, held))
    source, place, delay, value, held = (np.concatenate(c) for c in zip(*parts, strict=True))
    # one key instead of three, each part within its register: 13 bits of compartment, 6 of delay
    by = np.argsort(source << 19 | place << 6 | delay, kind="stable")
    starts = np.flatnonzero(np.diff(source[by], prepend=-1))
    return AxonLists(
        source=source[by][starts],
        atoms=np.ones(len(starts), np.int64),
        kind=np.zeros(len(starts), np.int64),
        start=np.append(starts, len(by)),
        atom=np.zeros(len(by), np.int64),
        compartment=place[by],
        delay=delay[by],
        value=value[by],
        held=held[by],
    )
