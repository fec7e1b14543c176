"""Exact proof that a routing table does what it should, for every key that can arrive.

Keys come in groups: all keys with ``key & mask == group key``. A group that an entry tells apart is split at a bit that
the entry tests, so that the answer holds for each key although no key is ever listed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrivals", "Table", "decide", "misrouted"]

Ints = NDArray[np.int64]
Table = NDArray[np.int64]
"""int64 [3, entries]: key, mask and route word of each entry, in order."""


class Arrivals(NamedTuple):
    """Groups of packets that come to a chip, int64 [k] each.

    Attributes:
        key, mask: the group is all packets with ``packet & mask == key``.
        route: what the router shall do with them, a route word.
        default: what it does if no entry matches: the bit of the link opposite to that of arrival; 0 (they are
            dropped) for packets sent on the chip.
    """

    key: Ints
    mask: Ints
    route: Ints
    default: Ints


def decide(table: Table, key: Ints, mask: Ints) -> tuple[Ints, Ints]:
    """The first entry that matches any key of each group.

    Returns:
        (entry, bit): number of the entry, -1 without one; and a bit that it tests but ``mask`` leaves free, by which
        the group must be split, 0 if it matches the whole group.
    """
    if table.shape[1] == 0:
        return np.full(len(key), -1, np.int64), np.zeros(len(key), np.int64)
    meets = ((key[:, None] ^ table[0]) & table[1] & mask[:, None]) == 0
    entry = meets.argmax(1)
    found = meets[np.arange(len(key)), entry]
    tested = np.where(found, table[1][entry] & ~mask, 0)
    return np.where(found, entry, -1), tested & -tested


def misrouted(table: Table, arrivals: Arrivals) -> int | None:
    """A key that the table does not route as it should, None if there is none."""
    key, mask, route, default = arrivals
    while len(key):
        entry, bit = decide(table, key, mask)
        does = np.where(entry < 0, default, table[2][entry] if table.size else 0)
        wrong = np.flatnonzero((bit == 0) & (does != route))
        if len(wrong):
            return int(key[wrong[0]])
        key, mask, route, default = _split(bit, key, mask, route, default)
    return None


def _split(bit: Ints, key: Ints, mask: Ints, *more: Ints) -> tuple[Ints, ...]:
    """Both halves of the groups with a bit."""
    again = np.flatnonzero(bit)
    bit = bit[again]
    halves = np.stack([key[again], key[again] | bit], 1).reshape(-1)
    return halves, np.repeat(mask[again] | bit, 2), *(np.repeat(a[again], 2) for a in more)
