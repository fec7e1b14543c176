"""Which neurons share a core: orders in which cores are filled, and the one that takes the fewest cores."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_content import CoreContent
from neurosim.hardware.loihi.mapping.core_limits import over_limit
from neurosim.hardware.loihi.mapping.filling import Filler, Filling
from neurosim.hardware.loihi.mapping.incoming import incoming_of
from neurosim.hardware.loihi.mapping.neuron_needs import NeuronNeeds, needs_of

__all__ = ["pack", "sent_axons"]

Ints = NDArray[np.int64]

_ROUNDS = 8
"""Fillings until the output axons of a neuron, which depend on where its targets are, are known."""
_SPARE = 1.02
"""Another order is tried where cores are that much more than their contents, poured together, would fill."""


def pack(network: DeviceNetwork, limits: Mapping[str, int]) -> Filling:
    """Slices for cores, consecutive neurons of one or several populations each.

    Populations that can share a core come one after another, and cores are filled in that order, each as far as its
    limits allow: of one population no consecutive slices are fewer. Where populations differ in what they need most,
    cores with a share of each may be fewer: that is tried too.

    Raises:
        CapacityError: a neuron alone is over a limit of a core.
    """
    needs = needs_of(network, limits)
    filler = Filler(network, incoming_of(network), needs, limits)
    sorted_by = np.lexsort((needs.delay_bits, needs.readout - needs.high, needs.program))
    best = _settled(filler, _one_after_another(needs, sorted_by), network, needs, limits)
    if len(sorted_by) > 1 and len(best.slices) > _SPARE * _poured(best, network, limits):
        mixed = _settled(filler, _side_by_side(needs), network, needs, limits)
        if len(mixed.slices) < len(best.slices):
            best = mixed
    return best


def sent_axons(network: DeviceNetwork, contents: tuple[CoreContent, ...], limits: Mapping[str, int]) -> Ints:
    """Output axons that each neuron takes, int64 [neurons of all populations]."""
    inputs, total = sum(network.inputs.values()), sum(p.size for p in network.populations.values())
    taken = np.zeros(inputs + total, np.int64)
    for content in contents:
        axons = content.axons
        slots = np.where(axons.kind == 32, limits["pop32_slots"], 1)
        np.add.at(taken, axons.source, np.repeat(slots, axons.atoms))
    return taken[inputs:]


def _settled(
    filler: Filler, sequence: Ints, network: DeviceNetwork, needs: NeuronNeeds, limits: Mapping[str, int]
) -> Filling:
    """Fill until no core sends more than it may: how many cores a neuron sends to shows when all are filled."""
    first = dict(zip(network.populations, needs.start.tolist(), strict=False))
    sends = np.zeros(len(needs.profile), np.int64)
    for _ in range(_ROUNDS):
        filling = filler.fill(sequence, sends)
        if len(filling.slices) > limits["cores"]:
            break
        counted = sent_axons(network, filling.contents, limits)
        total = np.concatenate([[0], np.cumsum(counted)])
        over = []
        for part in filling.slices:
            ends = [
                (first[s.population] + s.neurons.start, first[s.population] + s.neurons.stop) for s in part
            ]
            need = sum(int(total[b] - total[a]) for a, b in ends)
            if need > limits["output_axons"]:
                over.append((part[0], need, sum(b - a for a, b in ends)))
        if not over:
            break
        part, need, size = min(over, key=lambda found: found[2])
        if size == 1:
            raise over_limit(part.population, part.neurons, "output_axons", need, limits["output_axons"])
        sends = np.maximum(sends, counted)
    else:
        raise over_limit(part.population, part.neurons, "output_axons", need, limits["output_axons"])
    return filling


def _one_after_another(needs: NeuronNeeds, populations: Ints) -> Ints:
    parts = [np.arange(needs.start[p], needs.start[p + 1]) for p in populations.tolist()]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _side_by_side(needs: NeuronNeeds) -> Ints:
    """The populations that can share a core at equal pace, so that each core has its share of all of them."""
    # readouts apart where the others cannot share a core with them
    apart = np.isin(needs.program, needs.program[needs.high > 0]) & (needs.readout > 0)
    group = (2 * needs.program + apart)[needs.population]
    size = np.diff(needs.start)[needs.population]
    pace = (np.arange(len(group)) - needs.start[needs.population] + 0.5) / size
    return np.lexsort((pace, group))


def _poured(filling: Filling, network: DeviceNetwork, limits: Mapping[str, int]) -> int:
    """Cores that would do if what all take of a limit could be shared out at will."""
    axons = sum(len(content.axons.atoms) for content in filling.contents)
    totals = {
        "compartments": sum(p.size for p in network.populations.values()),
        "synapse_bits": sum(content.bits for content in filling.contents),
        "input_axons": axons,
    }
    return max(math.ceil(total / limits[name]) for name, total in totals.items())
