"""Presynaptic neurons that may share an input axon: those whose synapses end at the same compartments.

The channels of a pixel do, and all neurons in front of a fully connected layer. Their spikes carry a number, the atom,
by which the core finds the list; the lists have one length and lie one after another. A compartment has one number in
all its population spikes (nengo-loihi ``hardware/builder.py``), so groups belong to the network, not to a core.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_synapses import AxonLists
from neurosim.hardware.loihi.mapping.digests import scrambled
from neurosim.hardware.loihi.mapping.list_runs import fit_one_format
from neurosim.hardware.loihi.mapping.shared_lists import share_lists
from neurosim.hardware.loihi.mapping.synapse_format import memory_bits

__all__ = ["ATOMS", "neurons_alike", "population_groups", "population_lists"]

Ints = NDArray[np.int64]

ATOMS = 32
"""Neurons of a group at most: what a pop16 spike tells apart without bits of the axon's number. nengo-loihi knows up to
512 by name, and that NxSDK does not take more than 32."""

POP16_AXONS = 1024
"""Input axons that a pop16 spike can name: ten bits (nengo-loihi ``block.py``)."""

_ABOUT_BITS = 16
"""Bits of a synapse with its index, more or less."""

_GROUPS: WeakKeyDictionary[DeviceNetwork, tuple[Ints, Ints]] = WeakKeyDictionary()


def population_groups(network: DeviceNetwork) -> Ints:
    """The group of every neuron, int64 [neurons] of all inputs and populations in `DeviceNetwork.first_neuron`'s count.

    Neurons of a group belong to one input or population and have synapses of all projections to the same neurons with
    the same delays; there are at most `ATOMS`. Neurons with the same weights too are rather put into groups of their
    own, since groups that are alike share their lists. Many networks have groups of one alone. They are numbered by
    their first neuron.
    """
    return _alike_and_groups(network)[1]


def neurons_alike(network: DeviceNetwork) -> Ints:
    """As `population_groups` without a bound on their size: all with the same targets and delays have one number."""
    return _alike_and_groups(network)[0]


def _alike_and_groups(network: DeviceNetwork) -> tuple[Ints, Ints]:
    if network not in _GROUPS:
        reach, content = _digests(network)
        alike = _in_order(reach)
        _GROUPS[network] = alike, _grouped(alike, content)
    return _GROUPS[network]


def _in_order(key: NDArray[Any]) -> Ints:
    """Equal entries (columns of a matrix) numbered by the first of them."""
    _, first, which = np.unique(key, axis=-1, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[which.reshape(-1)]


def _grouped(alike: Ints, content: NDArray[np.uint64]) -> Ints:
    n = len(alike)
    # copies of a content within its set of neurons that are alike: 0 for the first, 1 for the second
    _, first, same = np.unique(
        np.stack([alike.astype(np.uint64), content]), axis=1, return_index=True, return_inverse=True
    )
    same = same.reshape(-1)
    copy = _rank_within(same)
    contents = np.bincount(alike[first], minlength=int(alike.max(initial=-1)) + 1)[alike]
    together = np.where(2 * contents > ATOMS, 1, ATOMS // contents)
    key = alike * n + copy // together
    order = np.lexsort((np.arange(n), first[same], copy, key))
    within = np.empty(n, np.int64)
    within[order] = _rank_within(key[order])
    return _in_order(np.stack([key, within // ATOMS]))


def _rank_within(key: Ints) -> Ints:
    """Of each entry, how many equal ones come before it."""
    order = np.argsort(key, kind="stable")
    begins = np.flatnonzero(np.diff(key[order], prepend=-1))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    return rank


def _digests(network: DeviceNetwork) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Of each neuron: of where its synapses end and with what delay, and of what they weigh."""
    reach, content = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    for place, name in enumerate(network.first_neuron):
        ends = np.full(network.size_of(name), place, dtype=np.uint64)
        held = np.zeros(network.size_of(name), dtype=np.uint64)
        for number, p in enumerate(network.projections):
            if p.pre == name:
                word = scrambled(p.target | p.delay << 32 | np.int64(number + 1) << 40)
                weight = (p.weight + 256) | (p.exponent + 8) << 10 | p.mode << 16
                for total, words in ((ends, word), (held, scrambled(word + weight.astype(np.uint64)))):
                    summed = np.concatenate([np.zeros(1, np.uint64), np.cumsum(words, dtype=np.uint64)])
                    total += summed[p.row_start[1:]] - summed[p.row_start[:-1]]
        reach.append(scrambled(ends))
        content.append(held)
    return np.concatenate(reach), np.concatenate(content)


def population_lists(
    lists: AxonLists, groups: Ints, limits: Mapping[str, int], inputs: int
) -> tuple[AxonLists, int]:
    """Let neurons of a group share an axon, as few groups as the core's input axons demand, the cheapest first.

    Neurons share where two or more have synapses here, never two between the same pair, and one format holds all.
    The first ``inputs`` neurons are the host's: its spikes take no output axons, so they may be of 32 bits, whose bases
    are any compartment. Those of other neurons are of 16 bits while such a spike can name the axon.

    Returns:
        The shared axons, then those that stay discrete; and the number of axons if all groups shared that can.
    """
    group = groups[lists.source]
    of = np.repeat(group, np.diff(lists.start))
    here = np.bincount(group, minlength=int(groups.max(initial=-1)) + 1)
    many = (here > 1) & (np.bincount(groups) <= limits["pop16_atoms"])
    twice = (np.diff(lists.compartment) == 0) & (np.diff(lists.delay) == 0)
    twice[lists.start[1:-1] - 1] = False  # where a list ends
    many[of[1:][twice]] = False
    shared = _shared(lists, groups, np.flatnonzero(many[of]), of, inputs)
    shared = _selected(shared, fit_one_format(shared.value, shared.start))
    there = groups[shared.source[np.cumsum(shared.atoms) - shared.atoms]]
    saved = here[there] - 1
    least = len(group) - int(saved.sum())
    discrete = np.bincount(group, weights=_cost(lists, limits), minlength=len(here))[there]
    order = np.argsort((_cost(shared, limits) - discrete) / np.maximum(saved, 1), kind="stable")
    before = np.cumsum(saved[order]) - saved[order]
    taken = np.zeros(len(there), bool)
    taken[order[before < len(group) - limits["input_axons"]]] = True
    joined = np.zeros(len(here), bool)
    joined[there[taken]] = True
    taken_lists, rest = _selected(shared, taken), _selected(lists, ~joined[group])
    named = np.arange(len(taken_lists.atoms)) < POP16_AXONS
    kind = np.where(named, taken_lists.kind, 32)
    columns = {
        name: np.concatenate([getattr(taken_lists, name), getattr(rest, name)])
        for name in ("source", "atoms", "atom", "compartment", "delay", "value", "held")
    }
    start = np.concatenate([taken_lists.start, taken_lists.start[-1] + rest.start[1:]])
    return AxonLists(kind=np.concatenate([kind, rest.kind]), start=start, **columns), least


def _cost(lists: AxonLists, limits: Mapping[str, int]) -> NDArray[np.float64]:
    """About the bits of each list, divided among the axons that share it."""
    of = share_lists(lists, limits["axon_base_maximum"]).list_of
    bits = memory_bits(np.diff(lists.start), _ABOUT_BITS)
    return np.asarray(bits / np.bincount(of)[of])


def _shared(lists: AxonLists, groups: Ints, chosen: Ints, of: Ints, inputs: int) -> AxonLists:
    """A list for each group of the ``chosen`` synapses, filled up with zeros to the same cells in every atom."""
    members = np.argsort(groups, kind="stable")
    first_member = np.searchsorted(groups[members], np.arange(int(groups.max(initial=-1)) + 2))
    atom_of = np.empty_like(members)
    atom_of[members] = np.arange(len(members)) - first_member[groups[members]]
    source = np.repeat(lists.source, np.diff(lists.start))[chosen]
    # a cell: where a synapse of any atom of the group ends
    cell = of[chosen] << 19 | lists.compartment[chosen] << 6 | lists.delay[chosen]
    cells, which = np.unique(cell, return_inverse=True)
    there, first_cell, count = np.unique(cells >> 19, return_index=True, return_counts=True)
    atoms = np.diff(first_member)[there]
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(atoms * count)])
    entry = np.repeat(np.arange(len(there)), atoms * count)
    place = np.arange(len(entry)) - start[entry]
    here = cells[first_cell[entry] + place % count[entry]]
    value = np.zeros(len(entry), np.int64)
    group = np.searchsorted(there, of[chosen])
    at = start[group] + atom_of[source] * count[group] + which.reshape(-1) - first_cell[group]
    value[at] = lists.value[chosen]
    begin = np.cumsum(atoms) - atoms
    member = np.repeat(first_member[there] - begin, atoms) + np.arange(int(atoms.sum()))
    return AxonLists(
        source=members[member],
        atoms=atoms,
        kind=np.where(members[first_member[there]] < inputs, 32, 16),
        start=start,
        atom=place // count[entry],
        compartment=here >> 6 & 0x1FFF,
        delay=here & 0x3F,
        value=value,
        held=np.zeros(len(entry), np.int64),
    )


def _selected(lists: AxonLists, which: NDArray[np.bool_]) -> AxonLists:
    synapses, atoms = np.repeat(which, np.diff(lists.start)), np.repeat(which, lists.atoms)
    return AxonLists(
        source=lists.source[atoms],
        atoms=lists.atoms[which],
        kind=lists.kind[which],
        start=np.concatenate([np.zeros(1, np.int64), np.cumsum(np.diff(lists.start)[which])]),
        atom=lists.atom[synapses],
        compartment=lists.compartment[synapses],
        delay=lists.delay[synapses],
        value=lists.value[synapses],
        held=lists.held[synapses],
    )
