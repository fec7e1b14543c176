"""The synapse memory and the synapse map of a core, and what they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_synapses import source_lists
from neurosim.hardware.loihi.mapping.list_formats import choose_formats, runs_of
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice, InputAxons, StoredSynapses
from neurosim.hardware.loihi.mapping.shared_lists import share_lists
from neurosim.hardware.loihi.mapping.synapse_format import INDEX_WIDTHS

__all__ = ["CoreContent", "core_content"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CoreContent:
    """What a core stores of its synapses, the axons that lead there, and the synapse memory in bits."""

    synapses: StoredSynapses
    axons: InputAxons
    bits: int


def core_content(
    network: DeviceNetwork, slices: Sequence[CoreSlice], limits: Mapping[str, int]
) -> CoreContent:
    """Synapses, axons and memory of a core that holds these slices.

    Equal lists are stored once, weights in the narrowest formats, runs of compartments without indices where that is
    less. A format table may come out longer than the core's where weights differ too much in size.

    Raises:
        CapacityError: a compartment is beyond the reach of an index.
    """
    lists = source_lists(network, slices)
    shared = share_lists(lists, limits["axon_base_maximum"])
    if len(shared.index) and int(shared.index.max()) >= 1 << INDEX_WIDTHS[-1]:
        raise CapacityError(
            "compartment index does not fit a synapse",
            where=f"population {slices[0].population!r}",
            value=int(shared.index.max()),
            limit=(1 << INDEX_WIDTHS[-1]) - 1,
        )
    runs = runs_of(shared)
    number, formats = choose_formats(runs, limits["synapse_formats"])
    bits = sum(int(fmt.bits(runs.cells[number == i]).sum()) for i, fmt in enumerate(formats))
    # entries of a run: its synapses in turn, or every compartment from the base on, most of them filled
    begin = np.concatenate([np.zeros(1, np.int64), np.cumsum(runs.cells)])
    count = np.diff(runs.start)
    run = np.repeat(np.arange(len(count)), count)
    index = shared.index[runs.order]
    at = begin[run] + np.where(runs.dense[run], index, np.arange(len(run)) - runs.start[run])
    entry = np.repeat(np.arange(len(count)), runs.cells)
    compartment, weight, delay = np.zeros((3, int(begin[-1])), np.int64)
    compartment[:] = np.arange(len(entry)) - begin[entry]
    compartment[at] = index
    exponent = np.array([fmt.exponent for fmt in formats], dtype=np.int64)
    weight[at] = shared.value[runs.order] >> (exponent[number][run] + 7)
    delay[at] = shared.delay[runs.order]
    first_run = np.searchsorted(runs.list_of, np.arange(len(shared.start)))
    pointer = begin[first_run]
    source = lists.source
    return CoreContent(
        synapses=StoredSynapses(
            compartment=compartment, weight=weight, delay=delay, format=number[entry] + 1, formats=formats
        ),
        axons=InputAxons(
            source=source,
            atoms=np.ones(len(source), np.int64),
            pointer=pointer[shared.list_of],
            length=np.diff(pointer)[shared.list_of],
            base=shared.base,
        ),
        bits=bits,
    )
