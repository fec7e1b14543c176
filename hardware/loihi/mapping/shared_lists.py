"""Lists of synapses that are alike but for where they begin are stored once: axons reach them with bases of their own.

So a convolution stores its kernel a few times (once for the interior, once for each kind of border and phase of the
stride), not once a pixel. Nothing here knows of convolutions: equal lists are found in any network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.mapping.core_synapses import AxonLists
from neurosim.hardware.loihi.mapping.digests import scrambled

__all__ = ["SharedLists", "share_lists"]

Ints = NDArray[np.int64]


_POP16_STEP = 4
"""Bases of pop16 axons are multiples of this (nengo-loihi ``builder/validate.py``)."""


@dataclass(frozen=True, eq=False)
class SharedLists:
    """The lists that a core stores, and the one of each input axon.

    Attributes:
        atoms: int64 [lists]. start: int64 [lists + 1]; the synapses of list i are start[i]:start[i + 1] of ``atom``,
            ``index`` (compartment less the base of the axon), ``delay``, ``value`` and ``held``, int64 [k] each, as in
            `AxonLists`.
        list_of, base: int64 [axons].
    """

    atoms: Ints
    start: Ints
    atom: Ints
    index: Ints
    delay: Ints
    value: Ints
    held: Ints
    list_of: Ints
    base: Ints


def share_lists(lists: AxonLists, base_maximum: int) -> SharedLists:
    """Find lists that are equal but for a shift, and the bases that make them one."""
    first, length = lists.start[:-1], np.diff(lists.start)
    of = np.repeat(np.arange(len(length)), length)
    # compartments ascend within an atom, and all atoms have the same: the first synapse has the lowest
    lowest = lists.compartment[first]
    step = np.where(lists.kind == 16, _POP16_STEP, 1)
    lowest = lowest // step * step
    relative = lists.compartment - lowest[of]
    like = _equal_lists(lists, relative, of)
    list_of, offset = _windows(like, lowest, base_maximum // step * step)
    stored = np.unique(list_of, return_index=True)[1]  # a list is stored where it is met first
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(length[stored])])
    at = np.repeat(first[stored] - start[:-1], length[stored]) + np.arange(start[-1])
    return SharedLists(
        atoms=lists.atoms[stored],
        start=start,
        atom=lists.atom[at],
        index=relative[at] + np.repeat(offset[stored], length[stored]),
        delay=lists.delay[at],
        value=lists.value[at],
        held=lists.held[at],
        list_of=list_of,
        base=lowest - offset,
    )


def _equal_lists(lists: AxonLists, relative: Ints, of: Ints) -> Ints:
    """For each list the number of the first one that equals it, int64 [lists]."""
    first, length = lists.start[:-1], np.diff(lists.start)
    if not len(first):
        return first
    # registers side by side: 13, 6, 7, 2, 5 and 24 bits
    word = relative | lists.delay << 13 | lists.held << 19 | (lists.kind[of] >> 4) << 26
    word |= lists.atom << 28 | (lists.value + (1 << 23)) << 33
    digest = np.add.reduceat(scrambled(word), first)
    _, representative, which = np.unique(digest, return_index=True, return_inverse=True)
    like = representative[which.reshape(-1)]
    # equal digests of unequal lists are all but impossible: such lists stay on their own
    other = np.minimum(np.arange(len(of)) + (first[like] - first)[of], len(of) - 1)
    differs = np.add.reduceat(word != word[other], first, dtype=np.int64) > 0
    return np.where(differs | (length != length[like]), np.arange(len(first)), like)


def _windows(like: Ints, lowest: Ints, base_maximum: Ints) -> tuple[Ints, Ints]:
    """The stored list of each list, numbered in order of appearance, and the index of its first synapse.

    A base reaches from 0 to ``base_maximum`` (int64 [lists]): equal lists further apart than that are stored again with
    larger indices. Windows taken from the lowest compartment on are as few as can be.
    """
    order = np.lexsort((lowest, like))
    place, group = lowest[order], like[order]
    bounds = np.flatnonzero(np.diff(group, prepend=-1))
    begins = np.zeros(len(order), bool)
    begins[bounds] = True
    spread = np.maximum.reduceat(place, bounds) - place[bounds] if len(bounds) else bounds
    reach = base_maximum[order]
    for g in np.flatnonzero(spread > reach[bounds]).tolist():
        stop = bounds[g + 1] if g + 1 < len(bounds) else len(order)
        at = int(bounds[g])
        while at < stop:
            begins[at] = True
            at += int(np.searchsorted(place[at:stop], place[at] + reach[at], side="right"))
    window = np.cumsum(begins) - 1
    furthest = np.zeros(int(begins.sum()), np.int64)
    np.maximum.at(furthest, window, place)
    offset = np.maximum(furthest - reach[begins], 0)
    number, first_offset = np.empty_like(window), np.empty_like(window)
    number[order], first_offset[order] = window, offset[window]
    _, appears, which = np.unique(number, return_index=True, return_inverse=True)
    rank = np.empty(len(appears), np.int64)
    rank[np.argsort(appears)] = np.arange(len(appears))
    return rank[which.reshape(-1)], first_offset
