"""The synapse memory and the synapse map of a core, and what they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_synapses import discrete_lists
from neurosim.hardware.loihi.mapping.format_table import encode
from neurosim.hardware.loihi.mapping.list_runs import runs_as_held, runs_of
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice, InputAxons, StoredSynapses
from neurosim.hardware.loihi.mapping.population_axons import population_groups, population_lists
from neurosim.hardware.loihi.mapping.shared_lists import share_lists
from neurosim.hardware.loihi.mapping.synapse_format import INDEX_WIDTHS

__all__ = ["CoreContent", "core_content"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CoreContent:
    """What a core stores of its synapses, the axons that lead there, and the synapse memory in bits.

    ``bits_unshared`` is what it would be if every axon had a list of its own, ``least_axons`` the input axons if all
    presynaptic neurons shared one that can: as many as are needed do.
    """

    synapses: StoredSynapses
    axons: InputAxons
    bits: int
    bits_unshared: int
    least_axons: int


def core_content(
    network: DeviceNetwork, slices: Sequence[CoreSlice], limits: Mapping[str, int]
) -> CoreContent:
    """Synapses, axons and memory of a core that holds these slices.

    Equal lists are stored once, weights in the narrowest formats, runs of compartments without indices where that is
    less. More presynaptic neurons than a core has input axons share axons where they can. Input axons may still come
    out as more than the core has, and so may formats where weights differ too much in size.

    Raises:
        CapacityError: a compartment is beyond the reach of an index.
    """
    lists = discrete_lists(network, slices)
    least = len(lists.atoms)
    if len(lists.atoms) > limits["input_axons"]:
        inputs = network.n_inputs
        lists, least = population_lists(lists, population_groups(network), limits, inputs)
    shared = share_lists(lists, limits["axon_base_maximum"])
    if len(shared.index) and int(shared.index.max()) >= 1 << INDEX_WIDTHS[-1]:
        raise CapacityError(
            "compartment index does not fit a synapse",
            where=f"population {slices[0].population!r}",
            value=int(shared.index.max()),
            limit=(1 << INDEX_WIDTHS[-1]) - 1,
        )
    runs = encode(runs_of(shared), limits["synapse_formats"])
    if len(runs.formats) > limits["synapse_formats"]:
        runs = encode(runs_as_held(shared), limits["synapse_formats"])
    # entries of a run: its synapses in turn, or, of each atom, every compartment from the base on, most of them filled
    begin = np.concatenate([np.zeros(1, np.int64), np.cumsum(runs.cells)])
    run = np.repeat(np.arange(len(runs.cells)), np.diff(runs.start))
    entry = np.repeat(np.arange(len(runs.cells)), runs.cells)
    length = runs.cells // runs.atoms
    index, atom = shared.index[runs.order], shared.atom[runs.order]
    inside = np.where(runs.dense[run], atom * length[run] + index, np.arange(len(run)) - runs.start[run])
    at = begin[run] + inside
    compartment = (np.arange(len(entry)) - begin[entry]) % length[entry]
    weight, delay = np.zeros((2, len(entry)), np.int64)
    exponent = np.array([fmt.exponent for fmt in runs.formats], dtype=np.int64)[runs.number]
    compartment[at] = index
    weight[at] = shared.value[runs.order] >> (exponent[run] + 7)
    delay[at] = shared.delay[runs.order]
    pointer = begin[np.searchsorted(runs.list_of, np.arange(len(shared.start)))]
    bits_of_list = np.zeros(len(shared.atoms), np.int64)
    np.add.at(bits_of_list, runs.list_of, runs.bits)
    return CoreContent(
        synapses=StoredSynapses(
            compartment=compartment,
            weight=weight,
            delay=delay,
            format=runs.number[entry] + 1,
            formats=runs.formats,
        ),
        axons=InputAxons(
            source=lists.source,
            atoms=lists.atoms,
            kind=lists.kind,
            pointer=pointer[shared.list_of],
            length=(np.diff(pointer) // shared.atoms)[shared.list_of],
            base=shared.base,
        ),
        bits=int(runs.bits.sum()),
        bits_unshared=int(bits_of_list[shared.list_of].sum()),
        least_axons=least,
    )
