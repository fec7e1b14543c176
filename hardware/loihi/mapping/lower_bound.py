"""How few cores could hold a network: what every mapping needs, to compare a mapping with.

Four of the bounds hold for every mapping: a compartment for each neuron, its accumulators, an input axon for each
presynaptic neuron (or group that may share one) and core that it reaches, an output axon likewise. ``slices`` holds
for mappings whose cores have at most one run of consecutive neurons of a population: as many as that population takes
alone, each core filled as far as it goes. ``synapse_bits`` is the memory of all lists where they were smallest among
cuttings of each population into cores of 64, 128, ... neurons: measured, not proved, since another might save a little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from neurosim.errors import CapacityError
from neurosim.hardware.compiler.partition import even_slices
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_content import core_content
from neurosim.hardware.loihi.mapping.filling import Filler
from neurosim.hardware.loihi.mapping.incoming import incoming_of
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.mapping.neuron_needs import needs_of
from neurosim.hardware.loihi.mapping.population_axons import population_groups

__all__ = ["lower_bounds"]

_SMALLEST_CUT = 64


def lower_bounds(network: DeviceNetwork, limits: Mapping[str, int]) -> dict[str, int]:
    """Cores that each resource asks for; the largest is the bound.

    Takes several times as long as `map_network`.
    """
    needs = needs_of(network, limits)
    size = np.diff(needs.start)
    most = min(limits["compartments"], int(size.sum()))
    sources = _reached(network, most)
    axons = np.zeros(int(population_groups(network).max(initial=0)) + 1, np.int64)
    np.maximum.at(axons, population_groups(network), sources)
    sent = sources[network.n_inputs :].sum()
    wanted = {
        "compartments": int(size.sum()) / limits["compartments"],
        "accumulators": int((size * needs.accumulators << needs.delay_bits).sum()) / limits["accumulators"],
        "input_axons": int(axons.sum()) / limits["input_axons"],
        "output_axons": int(sent) / limits["output_axons"],
        "synapse_bits": sum(_fewest_bits(network, name, limits) for name in network.populations)
        / limits["synapse_bits"],
    }
    bounds = {name: max(1, math.ceil(share)) for name, share in wanted.items()}
    filler = Filler(network, incoming_of(network), needs, limits)
    nothing = np.zeros(int(size.sum()))
    alone = [
        len(filler.fill(np.arange(a, b), nothing, int(size.sum()), close_enough=0.0).slices)
        for a, b in zip(needs.start[:-1].tolist(), needs.start[1:].tolist(), strict=True)
    ]
    return {**bounds, "slices": max(alone, default=0)}


def _reached(network: DeviceNetwork, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Cores that each presynaptic neuron reaches at least: its targets by the ``most`` neurons a core has."""
    reached = np.zeros(sum(network.size_of(name) for name in network.first_neuron), np.int64)
    for name, population in network.populations.items():
        incoming = network.incoming(name)
        cells = [
            ((p.source + network.first_neuron[p.pre]) * population.size + p.target)[p.weight != 0]
            for p in incoming
        ]
        pairs = np.unique(np.concatenate([np.zeros(0, np.int64), *cells]))
        reached += np.bincount(pairs // population.size, minlength=len(reached))
    return -(-reached // most)


def _fewest_bits(network: DeviceNetwork, name: str, limits: Mapping[str, int]) -> int:
    size = network.populations[name].size
    found: list[int] = []
    cut = _SMALLEST_CUT
    while not found or cut // 2 < min(size, limits["compartments"]):
        most = min(cut, limits["compartments"])
        try:
            found.append(
                sum(
                    core_content(network, (CoreSlice(name, s),), limits).bits for s in even_slices(size, most)
                )
            )
        except CapacityError:  # beyond the reach of an index
            break
        cut *= 2
    return min(found, default=0)
