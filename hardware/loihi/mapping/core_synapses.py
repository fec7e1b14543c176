"""The synapses of a network sorted into lists: by core, by source neuron, by format, by compartment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.mapping.synapse_format import (
    COMPRESSION_DENSE,
    COMPRESSION_SPARSE,
    SynapseFormat,
    index_field,
)
from neurosim.hardware.loihi.numerics.programs import PROGRAMS
from neurosim.hardware.loihi.numerics.weights import WEIGHT_WIDTHS, SignMode

__all__ = ["AxonLists", "CoreSynapses", "discrete_lists", "out_axons", "sort_synapses"]

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
            order, targets = p.by_target
            low, high = np.searchsorted(targets, [part.neurons.start, part.neurons.stop])
            here = order[low:high]
            here = here[p.weight[here] != 0]
            exponent = p.exponent[here] + 7
            value, held = p.weight[here] << exponent, p.mode[here] << 4 | exponent
            place = (p.target[here] + (part.first - part.neurons.start)) * width + p.accumulator
            parts.append((p.source[here] + first[p.pre], place, p.delay[here], value, held))
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


@dataclass(frozen=True)
class CoreSynapses:
    """All synapses that end on one core, sorted by (source, format, compartment, delay); arrays int64 [n_syn].

    Attributes:
        source: number of the presynaptic neuron among all inputs and populations (`DeviceNetwork.first_neuron`).
        compartment, weight, delay: ``delay`` is the register value, one less than the steps from spike to arrival.
        format: index into ``formats``, from 1: entry 0 of a core's table stays unused.
    """

    source: Ints
    compartment: Ints
    weight: Ints
    delay: Ints
    format: Ints
    formats: tuple[SynapseFormat, ...]

    def bits(self) -> int:
        """Synapse memory of the core in bits."""
        key = (self.source << 8) | self.format
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        count, kind = np.diff(starts, append=len(key)), self.format[starts]
        return sum(int(fmt.bits(count[kind == i]).sum()) for i, fmt in enumerate(self.formats, start=1))

    def sources(self) -> Ints:
        """Presynaptic neurons, each an axon into the core."""
        return self.source[np.flatnonzero(np.diff(self.source, prepend=-1))]


def sort_synapses(network: DeviceNetwork, slices: Sequence[CoreSlice]) -> list[CoreSynapses]:
    """The synapses of every slice."""
    offsets = network.first_neuron
    parts: list[list[tuple[Ints, ...]]] = [[] for _ in slices]
    formats: list[list[SynapseFormat]] = [[] for _ in slices]
    pairs = [(p.pre, p.post) for p in network.projections]
    for p in network.projections:
        mine = [i for i, part in enumerate(slices) if part.population == p.post]
        starts = np.array([slices[i].neurons.start for i in mine], dtype=np.int64)
        which = np.searchsorted(starts, p.target, side="right") - 1
        alive = p.weight != 0
        single = pairs.count((p.pre, p.post)) == 1
        for local, i in enumerate(mine):
            here = np.flatnonzero((which == local) & alive)
            kinds = p.mode[here] * 256 + p.exponent[here]
            for kind in np.unique(kinds).tolist():
                chosen = here[kinds == kind]
                source = p.source[chosen]
                compartment = p.target[chosen] - starts[local]
                delay = p.delay[chosen]
                weight = p.weight[chosen]
                size = len(slices[i].neurons)
                fmt = SynapseFormat(
                    mode=SignMode(kind // 256),
                    exponent=kind % 256,
                    weight_bits=_weight_field(weight, SignMode(kind // 256)),
                    index_bits=index_field(size - 1),
                    delay_bits=int(delay.max()).bit_length(),
                    compression=COMPRESSION_DENSE
                    if single and _fills_rows(source, compartment, size)
                    else COMPRESSION_SPARSE,
                )
                if fmt not in formats[i]:
                    formats[i].append(fmt)
                number = np.full(len(chosen), formats[i].index(fmt) + 1, dtype=np.int64)
                parts[i].append((source + offsets[p.pre], compartment, weight, delay, number))
    return [_sorted(columns, tuple(f)) for columns, f in zip(parts, formats, strict=True)]


def _sorted(parts: list[tuple[Ints, ...]], formats: tuple[SynapseFormat, ...]) -> CoreSynapses:
    columns = [np.concatenate(c) for c in zip(*parts, strict=True)] if parts else [np.zeros(0, np.int64)] * 5
    source, compartment, weight, delay, number = columns
    # one key instead of five, each part within its register: 4 bits of format, 13 of compartment, 6 of delay
    order = np.argsort((source << 24) | (number << 20) | (compartment << 6) | delay, kind="stable")
    return CoreSynapses(
        source[order], compartment[order], weight[order], delay[order], number[order], formats
    )


def _weight_field(weight: Ints, mode: SignMode) -> int:
    """The narrowest field that holds these weights, whose common trailing zeros need not be stored."""
    common = int(np.bitwise_or.reduce(np.abs(weight)))
    zeros = (common & -common).bit_length() - 1
    needed = max(1, 8 + (mode is SignMode.MIXED) - zeros)
    return next(field for field, width in enumerate(WEIGHT_WIDTHS) if width >= needed)


def _fills_rows(source: Ints, compartment: Ints, size: int) -> bool:
    """Whether every source reaches every compartment of the slice exactly once: then no index has to be stored."""
    counts = np.bincount(source)
    if np.any(counts[counts > 0] != size):
        return False
    return len(np.unique(source * size + compartment)) == len(source)


def out_axons(cores: Sequence[CoreSynapses], offset: int, size: int) -> Ints:
    """How many cores each neuron of a population or input sends to, int64 [size]."""
    counts = np.zeros(size, dtype=np.int64)
    for core in cores:
        sources = core.sources()
        inside = sources[(sources >= offset) & (sources < offset + size)]
        counts[inside - offset] += 1
    return counts
