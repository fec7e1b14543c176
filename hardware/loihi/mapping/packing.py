"""Which neurons share a core: orders in which cores are filled, and the one that takes the fewest cores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_content import CoreContent
from neurosim.hardware.loihi.mapping.core_limits import over_limit
from neurosim.hardware.loihi.mapping.filling import Filler, Filling
from neurosim.hardware.loihi.mapping.incoming import incoming_of
from neurosim.hardware.loihi.mapping.neuron_needs import NeuronNeeds, needs_of
from neurosim.hardware.loihi.mapping.reach_order import reach_order

__all__ = ["pack", "sent_axons"]

Ints = NDArray[np.int64]

_ROUNDS, _MARGIN = 12, 0.01
"""Fillings until cores keep the limit of output axons, which depend on where targets are; room left after each more."""
_SPARE = 1.04
"""Another order is tried where cores are that much more than their contents, poured together, would fill."""
_PART, _RUN = 1024, 4
"""An order other than that of numbers is taken where cores of 1024 neurons hold runs of 4 on average."""
_BLOCKS = (1, 2, 4, 8, 16, 32, 64)
"""Blocks of channels that are tried for a convolution."""
_SAMPLE, _ROUGHLY = 3, 0.03
"""Cores that are filled to compare orders of a population, and how full; more cores are estimated."""


def pack(network: DeviceNetwork, limits: Mapping[str, int]) -> Filling:
    """Slices for cores, runs of consecutive neurons of one or several populations each.

    Populations that can share a core come one after another, and cores are filled in that order, each as far as its
    limits allow: of one population no consecutive slices are fewer. Where that leaves room on cores, other orders are
    tried: neurons that hear the same ones together, as the channels of a pixel, and a share of each population on every
    core, for populations that differ in what they need most.

    Raises:
        CapacityError: a neuron alone is over a limit of a core.
    """
    needs = needs_of(network, limits)
    filler = Filler(network, incoming_of(network), needs, limits)
    populations = np.lexsort((needs.delay_bits, needs.readout - needs.high, needs.program))
    own = [np.arange(a, b) for a, b in pairwise(needs.start.tolist())]
    heard = [
        _heard_together(filler, network, name, a) for a, name in zip(own, network.populations, strict=True)
    ]
    orders = [_one_after_another(heard, populations)]
    if any(np.any(a != b) for a, b in zip(own, heard, strict=True)):
        orders.append(_one_after_another(own, populations))
    if len(populations) > 1:
        orders.append(_side_by_side(needs, own))
    best, most, refused = None, limits["cores"], None
    for order in orders:
        try:
            filling = _settled(filler, order, network, needs, limits, most)
        except CapacityError as error:
            refused = refused or error
            continue
        if best is None or len(filling.slices) <= most:
            best, most = filling, min(most, len(filling.slices) - 1)
        if len(best.slices) <= _SPARE * _poured(best, network, limits):
            break
    if best is None:
        raise refused or CapacityError("a network without neurons", where="mapping")
    return best


def sent_axons(network: DeviceNetwork, contents: tuple[CoreContent, ...], limits: Mapping[str, int]) -> Ints:
    """Output axons that each neuron takes, int64 [neurons of all populations]."""
    inputs, total = network.n_inputs, network.n_neurons
    taken = np.zeros(inputs + total, np.int64)
    for content in contents:
        axons = content.axons
        slots = np.where(axons.kind == 32, limits["pop32_slots"], 1)
        np.add.at(taken, axons.source, np.repeat(slots, axons.atoms))
    return taken[inputs:]


def _settled(
    filler: Filler,
    sequence: Ints,
    network: DeviceNetwork,
    needs: NeuronNeeds,
    limits: Mapping[str, int],
    most: int,
) -> Filling:
    """Fill until no core sends more than it may: how many cores a neuron sends to shows when all are filled.

    Ends early with more than ``most`` cores.
    """
    first = dict(zip(network.populations, needs.start.tolist(), strict=False))
    sends: NDArray[np.float64] = np.zeros(len(needs.profile))
    for k in range(_ROUNDS):
        filling = filler.fill(sequence, sends, most)
        if len(filling.slices) > most:
            break
        counted = sent_axons(network, filling.contents, limits)
        total = np.concatenate([[0], np.cumsum(counted)])
        over = []
        for core in filling.slices:
            ends = [
                (first[s.population] + s.neurons.start, first[s.population] + s.neurons.stop) for s in core
            ]
            need = sum(int(total[b] - total[a]) for a, b in ends)
            if need > limits["output_axons"]:
                over.append((core[0], need, sum(b - a for a, b in ends)))
        if not over:
            break
        part, need, size = min(over, key=lambda found: found[2])
        if size == 1:
            raise over_limit(part.population, part.neurons, "output_axons", need, limits["output_axons"])
        # boundaries move, and with them what a neuron sends: the more so the longer it takes
        wider = np.asarray(counted * (1.0 + _MARGIN * k), dtype=np.float64)
        sends = wider if k < _ROUNDS // 2 else np.maximum(sends, counted.astype(np.float64))
    else:
        raise over_limit(part.population, part.neurons, "output_axons", need, limits["output_axons"])
    return filling


def _heard_together(filler: Filler, network: DeviceNetwork, population: str, neurons: Ints) -> Ints:
    """The neurons of a population in the order in which they alone take the fewest cores, then the fewest input axons.

    Orders of `reach_order` are tried where cores filled in them still hold runs of consecutive neurons.
    """
    orders, latest = [neurons], neurons
    for blocks in _BLOCKS:
        order = neurons[reach_order(network, population, blocks)]
        if blocks > 1 and np.array_equal(order, latest):  # no neurons alike to deal out
            break
        latest = order
        if _has_runs(order) and not any(np.array_equal(order, other) for other in orders):
            orders.append(order)
    if len(orders) == 1:
        return neurons
    nothing = np.zeros(network.n_neurons)
    best, least = neurons, (math.inf, math.inf)
    for order in orders:
        try:
            filling = filler.fill(order, nothing, _SAMPLE, close_enough=_ROUGHLY)
        except CapacityError:
            continue
        axons = sum(len(c.axons.atoms) for c in filling.contents) / len(filling.contents)
        cost = (len(filling.slices), axons * len(filling.slices))
        if cost < least:
            best, least = order, cost
    return best


def _has_runs(order: Ints) -> bool:
    parts = np.arange(len(order)) // _PART
    placed = order[np.lexsort((order, parts))]
    runs = np.count_nonzero((np.diff(placed, prepend=-2) != 1) | (np.diff(parts, prepend=-1) != 0))
    return bool(runs * _RUN <= len(order) + _RUN)


def _one_after_another(neurons: Sequence[Ints], populations: Ints) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *(neurons[p] for p in populations.tolist())])


def _side_by_side(needs: NeuronNeeds, neurons: Sequence[Ints]) -> Ints:
    """The populations that can share a core at equal pace, so that each core has its share of all of them."""
    # readouts apart where the others cannot share a core with them
    apart = np.isin(needs.program, needs.program[needs.high > 0]) & (needs.readout > 0)
    group = (2 * needs.program + apart)[needs.population]
    size = np.diff(needs.start)[needs.population]
    pace = (np.arange(len(group)) - needs.start[needs.population] + 0.5) / size
    return np.concatenate([np.zeros(0, np.int64), *neurons])[np.lexsort((pace, group))]


def _poured(filling: Filling, network: DeviceNetwork, limits: Mapping[str, int]) -> int:
    """Cores that would do if memory and compartments could be shared out at will."""
    totals = {
        "compartments": network.n_neurons,
        "synapse_bits": sum(content.bits for content in filling.contents),
    }
    return max(math.ceil(total / limits[name]) for name, total in totals.items())
