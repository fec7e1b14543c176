"""Presynaptic neurons that may share an input axon: those whose synapses end at the same compartments.

The channels of a pixel do, and all neurons in front of a fully connected layer. Their spikes carry a number, the atom,
by which the core finds the list; the lists have one length and lie one after another. A compartment has one number in
all its population spikes (nengo-loihi ``hardware/builder.py``), so groups belong to the network, not to a core.
"""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_synapses import AxonLists
from neurosim.hardware.loihi.mapping.digests import scrambled
from neurosim.hardware.loihi.mapping.list_runs import fit_one_format

__all__ = ["ATOMS", "population_groups", "population_lists"]

Ints = NDArray[np.int64]

ATOMS = 32
"""Neurons of a group at most: what a pop16 spike tells apart without bits of the axon's number. nengo-loihi knows up to
512 by name, and that NxSDK does not take more than 32."""

POP16_AXONS = 1024
"""Input axons that a pop16 spike can name: ten bits (nengo-loihi ``block.py``)."""

_GROUPS: WeakKeyDictionary[DeviceNetwork, Ints] = WeakKeyDictionary()


def population_groups(network: DeviceNetwork) -> Ints:
    """The group of every neuron, int64 [neurons] of all inputs and populations in `DeviceNetwork.first_neuron`'s count.

    Neurons of a group belong to one input or population and have synapses of all projections to the same neurons with
    the same delays; there are at most `ATOMS`. Many networks have groups of one alone. They are numbered by their first
    neuron.
    """
    if network not in _GROUPS:
        _GROUPS[network] = _grouped(network)
    return _GROUPS[network]


def _grouped(network: DeviceNetwork) -> Ints:
    digests, sizes = [np.zeros(0, np.uint64)], []
    for place, name in enumerate(network.first_neuron):
        digest = np.full(network.size_of(name), place, dtype=np.uint64)
        for number, p in enumerate(network.projections):
            if p.pre == name:
                word = p.target | p.delay << 32 | np.int64(number + 1) << 40
                summed = np.concatenate([np.zeros(1, np.uint64), np.cumsum(scrambled(word))])
                digest += summed[p.row_start[1:]] - summed[p.row_start[:-1]]
        digests.append(scrambled(digest))
        sizes.append(len(digest))
    which = np.unique(np.concatenate(digests), return_inverse=True)[1].reshape(-1)
    # a place within its set of equals, cut every ATOMS
    order = np.argsort(which, kind="stable")
    begins = np.flatnonzero(np.diff(which[order], prepend=-1))
    count = np.diff(begins, append=len(order))
    within = np.empty_like(order)
    within[order] = np.arange(len(order)) - np.repeat(begins, count)
    key = which * (len(which) + 1) + within // ATOMS
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[group.reshape(-1)]


def population_lists(lists: AxonLists, groups: Ints, limits: Mapping[str, int]) -> AxonLists:
    """Let the neurons of each group share an axon, where two or more have synapses here and one format holds them all.

    Args:
        lists: discrete ones. groups: of `population_groups`.

    Returns:
        The shared axons, then those that stay discrete. A shared one is of kind 16 while such a spike can name it.
    """
    group = groups[lists.source]
    of = np.repeat(group, np.diff(lists.start))
    many = np.bincount(group, minlength=int(groups.max(initial=-1)) + 1) > 1
    many &= np.bincount(groups) <= limits["pop16_atoms"]
    twice = (np.diff(lists.compartment) == 0) & (np.diff(lists.delay) == 0)
    twice[lists.start[1:-1] - 1] = False  # where a list ends
    many[of[1:][twice]] = False
    shared = _shared(lists, groups, np.flatnonzero(many[of]), of)
    fits = fit_one_format(shared.value, shared.start)
    taken = _selected(shared, fits)
    joined = np.zeros(len(many), bool)
    joined[groups[taken.source]] = True
    rest = _selected(lists, ~joined[group])
    pop16 = np.arange(len(taken.atoms)) < POP16_AXONS
    return AxonLists(
        source=np.concatenate([taken.source, rest.source]),
        atoms=np.concatenate([taken.atoms, rest.atoms]),
        kind=np.concatenate([np.where(pop16, 16, 32), rest.kind]),
        start=np.concatenate([taken.start, taken.start[-1] + rest.start[1:]]),
        atom=np.concatenate([taken.atom, rest.atom]),
        compartment=np.concatenate([taken.compartment, rest.compartment]),
        delay=np.concatenate([taken.delay, rest.delay]),
        value=np.concatenate([taken.value, rest.value]),
        held=np.concatenate([taken.held, rest.held]),
    )


def _shared(lists: AxonLists, groups: Ints, chosen: Ints, of: Ints) -> AxonLists:
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
        kind=np.full(len(there), 16),
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
