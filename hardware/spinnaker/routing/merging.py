"""Kernels of table compression: what can still be merged or left out once a table is right.

What comes out is proven by `equivalence.misrouted`, like all that `covering` finds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.hardware.spinnaker.routing.covering import holds

__all__ = ["shorten"]


@njit(cache=True, nogil=True)
def _arrange(
    key: Any, mask: Any, cls: Any, alone: Any, ek: Any, em: Any, of: Any, live: Any, order: Any
) -> Any:
    """Whether the live entries make a right table in some order; that order, and how many they are (-1 if none).

    An entry may come next if it matches no key of another class that no entry above it holds.
    """
    n, size = len(key), len(ek)
    held, placed = np.zeros(n, np.bool_), np.zeros(size, np.bool_)
    left = 0
    for e in range(size):
        if live[e]:
            left += 1
    at = 0
    while left > 0:
        moved = False
        for e in range(size):
            if not live[e] or placed[e]:
                continue
            free = True
            for t in range(n):
                if not held[t] and cls[t] != of[e] and (key[t] ^ ek[e]) & em[e] & mask[t] == 0:
                    free = False
                    break
            if free:
                placed[e] = moved = True
                order[at] = e
                at += 1
                left -= 1
                for t in range(n):
                    if cls[t] == of[e] and holds(ek[e], em[e], key[t], mask[t]):
                        held[t] = True
        if not moved:
            return -1
    for t in range(n):
        if not held[t] and not alone[t]:
            return -1
    return at


@njit(cache=True, nogil=True)
def shorten(
    key: Any, mask: Any, cls: Any, alone: Any, ek: Any, em: Any, of: Any, budget: Any, order: Any
) -> Any:
    """Leave out entries and merge pairs of a class as long as some order of the rest is a right table.

    Args:
        ek, em: key and mask of each entry; changed. of: class of each.
        budget: comparisons after which the search ends.
        order: gets the numbers of the entries that remain, in order.

    Returns:
        How many remain.
    """
    size, n = len(ek), len(key)
    live = np.ones(size, np.bool_)
    changed = True
    while changed and budget > 0:
        changed = False
        for a in range(size):
            if not live[a] or budget <= 0:
                continue
            live[a] = False
            budget -= n * size
            if _arrange(key, mask, cls, alone, ek, em, of, live, order) >= 0:
                changed = True
                continue
            live[a] = True
            for b in range(a):
                if not live[b] or of[a] != of[b]:
                    continue
                budget -= n * size
                old_key, old_mask = ek[a], em[a]
                em[a] = old_mask & em[b] & ~(old_key ^ ek[b])
                ek[a] = old_key & em[a]
                live[b] = False
                if _arrange(key, mask, cls, alone, ek, em, of, live, order) >= 0:
                    changed = True
                else:
                    live[b] = True
                    ek[a], em[a] = old_key, old_mask
    return _arrange(key, mask, cls, alone, ek, em, of, live, order)
