"""Lists of synapses that are alike but for where they begin are stored once: axons reach them with bases of their own.

So a convolution stores its kernel a few times (once for the interior, once for each kind of border and phase of the
stride), not once a pixel. Nothing here knows of convolutions: equal lists are found in any network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.mapping.core_synapses import SourceLists

__all__ = ["SharedLists", "share_lists"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SharedLists:
    """The lists that a core stores, and the one of each presynaptic neuron.

    Attributes:
        start: int64 [lists + 1]; the synapses of list i are start[i]:start[i + 1] of ``index`` (compartment less the
            base of the axon), ``delay``, ``value`` and ``kind``, int64 [k] each, as in `SourceLists`.
        list_of, base: int64 [sources], by presynaptic neuron.
    """

    start: Ints
    index: Ints
    delay: Ints
    value: Ints
    kind: Ints
    list_of: Ints
    base: Ints


def share_lists(lists: SourceLists, base_maximum: int) -> SharedLists:
    """Find lists that are equal but for a shift, and the bases that make them one."""
    first = lists.start[:-1]
    length = np.diff(lists.start)
    of = np.repeat(np.arange(len(length)), length)
    # within a list compartments ascend: its first synapse has the lowest
    lowest = lists.compartment[first] if len(first) else np.zeros(0, np.int64)
    relative = lists.compartment - lowest[of]
    like = _equal_lists(lists, relative, first, length, of)
    list_of, offset = _windows(like, lowest, base_maximum)
    stored = np.unique(list_of, return_index=True)[1]  # a list is stored where it is met first
    parts = np.repeat(first[stored] - _starts(length[stored])[:-1], length[stored])
    at = parts + np.arange(len(parts))
    return SharedLists(
        start=_starts(length[stored]),
        index=relative[at] + np.repeat(offset[stored], length[stored]),
        delay=lists.delay[at],
        value=lists.value[at],
        kind=lists.kind[at],
        list_of=list_of,
        base=lowest - offset,
    )


def _starts(counts: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _equal_lists(lists: SourceLists, relative: Ints, first: Ints, length: Ints, of: Ints) -> Ints:
    """For each list the number of the first one that equals it, int64 [lists]."""
    if not len(first):
        return np.zeros(0, np.int64)
    word = relative | lists.delay << 13 | lists.kind << 20 | (lists.value + (1 << 23)) << 28
    digest = np.add.reduceat(_scrambled(word.view(np.uint64)), first)
    _, representative, which = np.unique(digest, return_index=True, return_inverse=True)
    like = representative[which.reshape(-1)]
    # equal digests of unequal lists are all but impossible: such lists stay on their own
    other = np.minimum(np.arange(len(of)) + (first[like] - first)[of], len(of) - 1)
    differs = np.add.reduceat(word != word[other], first) > 0
    return np.where(differs | (length != length[like]), np.arange(len(first)), like)


def _scrambled(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64-bit words whose sums tell multisets apart (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = word + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _windows(like: Ints, lowest: Ints, base_maximum: int) -> tuple[Ints, Ints]:
    """The stored list of each list, numbered in order of appearance, and the index of its first synapse.

    A base reaches from 0 to ``base_maximum``: equal lists further apart than that are stored again with larger
    indices. Windows taken from the lowest compartment on are as few as can be.
    """
    order = np.lexsort((lowest, like))
    place, group = lowest[order], like[order]
    bounds = np.flatnonzero(np.diff(group, prepend=-1))
    window = np.zeros(len(order), np.int64)
    begins = np.zeros(len(order), bool)
    begins[bounds] = True
    spread = np.maximum.reduceat(place, bounds) - place[bounds] if len(bounds) else bounds
    for g in np.flatnonzero(spread > base_maximum).tolist():
        stop = bounds[g + 1] if g + 1 < len(bounds) else len(order)
        at = int(bounds[g])
        while at < stop:
            begins[at] = True
            at += int(np.searchsorted(place[at:stop], place[at] + base_maximum, side="right"))
    window = np.cumsum(begins) - 1
    furthest = np.zeros(int(begins.sum()), np.int64)
    np.maximum.at(furthest, window, place)
    offset = np.maximum(furthest - base_maximum, 0)
    number, first_offset = np.empty_like(window), np.empty_like(window)
    number[order], first_offset[order] = window, offset[window]
    _, appears, which = np.unique(number, return_index=True, return_inverse=True)
    rank = np.empty(len(appears), np.int64)
    rank[np.argsort(appears)] = np.arange(len(appears))
    return rank[which.reshape(-1)], first_offset
