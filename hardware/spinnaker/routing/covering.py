"""Kernels of table compression: covers of groups of keys, and the order of the table.

A table is built class by class, a class being the groups of keys with one route. The entries of a class must match all
its groups and none of a class that comes later in the table; what earlier entries took no longer matters. Groups that
the router treats rightly without an entry may stay without one, but then no entry of another class may match them.

These searches have no plain twins beside them: whatever they find is proven right by `equivalence.misrouted`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["holds", "lengths_on_top", "order_classes", "quick_length"]

_MANY = 128
"""Groups of a class beyond which a cover takes the first merge that is allowed instead of the best."""


@njit(cache=True, nogil=True)
def _meets(k: Any, m: Any, key: Any, mask: Any, which: Any, n: Any) -> Any:
    """Whether an entry matches a key of one of the first n groups listed."""
    for t in range(n):
        o = which[t]
        if (k ^ key[o]) & m & mask[o] == 0:
            return True
    return False


@njit(cache=True, nogil=True)
def holds(k: Any, m: Any, key: Any, mask: Any) -> Any:
    """Whether an entry matches all keys of a group."""
    return (k ^ key) & m == 0 and m & ~mask == 0


@njit(cache=True, nogil=True)
def _ones(word: Any) -> Any:
    n = 0
    while word:
        word &= word - 1
        n += 1
    return n


@njit(cache=True, nogil=True)
def _seeds(key: Any, mask: Any, own: Any, n: Any, other: Any, k: Any, order: Any, style: Any) -> None:
    """The groups of a class in order of the partners they can be merged with, fewest first, or mixed by ``style``."""
    partners = np.zeros(n, np.int64)
    for a in range(n):
        order[a] = a
    if n < 3 or n > _MANY:
        return
    for a in range(n):
        if style > 0:
            partners[a] = key[own[a]] * style >> 7 & 0xFFF
            continue
        for b in range(a):
            m = mask[own[a]] & mask[own[b]] & ~(key[own[a]] ^ key[own[b]])
            if not _meets(key[own[a]] & m, m, key, mask, other, k):
                partners[a] += 1
                partners[b] += 1
    for a in range(1, n):
        b = a
        while b > 0 and partners[order[b - 1]] > partners[a]:
            order[b] = order[b - 1]
            b -= 1
        order[b] = a


@njit(cache=True, nogil=True)
def _cover(
    key: Any,
    mask: Any,
    own: Any,
    n: Any,
    other: Any,
    k: Any,
    out_key: Any,
    out_mask: Any,
    at: Any,
    style: Any,
) -> Any:
    """Few entries that match n groups ``own`` and no key of k groups ``other``; written from ``at`` on, returns how
    many.

    Each entry grows from a group, hardest to merge first, by the group that lets it hold most others; with an odd
    ``style`` by the first that it may hold.
    """
    open_ = np.ones(n, np.bool_)
    seeds = np.zeros(n, np.int64)
    _seeds(key, mask, own, n, other, k, seeds, style)
    best_fit = n <= _MANY and style % 2 == 0
    count = 0
    for s in range(n):
        seed = seeds[s]
        if not open_[seed]:
            continue
        open_[seed] = False
        ek, em = key[own[seed]], mask[own[seed]]
        while True:
            best, best_ones, bm = 0, -1, em
            for q in range(n):
                if not open_[q]:
                    continue
                m = em & mask[own[q]] & ~(ek ^ key[own[q]])
                if best > 0 and m == bm:
                    continue
                gain, ones = 1, 0
                if best_fit:
                    gain = 0
                    for r in range(n):
                        if open_[r] and holds(ek & m, m, key[own[r]], mask[own[r]]):
                            gain += 1
                    ones = _ones(m)
                if gain < best or (gain == best and ones <= best_ones):
                    continue
                if not _meets(ek & m, m, key, mask, other, k):
                    best, best_ones, bm = gain, ones, m
                    if not best_fit:
                        break
            if best == 0:
                break
            ek, em = ek & bm, bm
            for r in range(n):
                if open_[r] and holds(ek, em, key[own[r]], mask[own[r]]):
                    open_[r] = False
        out_key[at + count], out_mask[at + count] = ek, em
        count += 1
    return count


@njit(cache=True, nogil=True)
def _members(cls: Any, need: Any, c: Any, out: Any) -> Any:
    """Groups that the entries of class c must match."""
    n = 0
    for t in range(len(cls)):
        if cls[t] == c and need[t]:
            out[n] = t
            n += 1
    return n


@njit(cache=True, nogil=True)
def _forbidden(cls: Any, need: Any, place: Any, c: Any, at: Any, out: Any) -> Any:
    """Groups that an entry of class c must not match if only classes with a place beyond ``at`` follow."""
    n = 0
    for t in range(len(cls)):
        d = cls[t]
        if d != c and (not need[t] or place[d] > at):
            out[n] = t
            n += 1
    return n


@njit(cache=True, nogil=True)
def lengths_on_top(key: Any, mask: Any, cls: Any, need: Any, classes: Any) -> Any:
    """Entries of each class if all others came after it, int64 [classes]."""
    n, size = len(key), classes
    own, other = np.zeros(n, np.int64), np.zeros(n, np.int64)
    ek, em = np.zeros(n, np.int64), np.zeros(n, np.int64)
    place, count = np.ones(size, np.int64), np.zeros(size, np.int64)
    zero = np.int64(0)  # what is given a literal is compiled for it anew
    for c in range(size):
        k = _forbidden(cls, need, place, c, zero, other)
        m = _members(cls, need, c, own)
        count[c] = _cover(key, mask, own, m, other, k, ek, em, zero, zero)
    return count


@njit(cache=True, nogil=True)
def _copy(from_key: Any, from_mask: Any, to_key: Any, to_mask: Any, at: Any, n: Any) -> None:
    for t in range(at, at + n):
        to_key[t], to_mask[t] = from_key[t], from_mask[t]


@njit(cache=True, nogil=True)
def _in_the_way(ek: Any, em: Any, at: Any, n: Any, key: Any, mask: Any, groups: Any, k: Any) -> Any:
    """Whether one of n entries from ``at`` on matches a key of k groups."""
    found = False
    for t in range(at, at + n):
        found = found or _meets(ek[t], em[t], key, mask, groups, k)
    return found


@njit(cache=True, nogil=True)
def order_classes(
    key: Any,
    mask: Any,
    cls: Any,
    need: Any,
    style: Any,
    order: Any,
    first: Any,
    ek: Any,
    em: Any,
    budget: Any,
) -> Any:
    """Cover every class, then move classes up and down the table while it gets shorter.

    Args:
        key, mask, cls: of each group [n]. need: whether it needs an entry [n]; the others must not be matched.
        style: 0, or a number that makes covers different ones. order: [classes], first class first; changed.
        first: [classes], where the entries of a class start in ``ek`` and ``em`` [n], which are written.
        budget: [1] comparisons of a group with a group after which the search ends; what is left is written.

    Returns:
        Number of entries of each class.
    """
    n, size = len(key), len(order)
    tried_key, tried_mask = np.zeros(n, np.int64), np.zeros(n, np.int64)
    kept_key, kept_mask = np.zeros(n, np.int64), np.zeros(n, np.int64)
    count, tried, kept = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.int64)
    own, moving, other = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    place = np.zeros(size, np.int64)
    left = budget[0]
    for i in range(size):
        place[order[i]] = i
    for c in range(size):
        k = _forbidden(cls, need, place, c, place[c], other)
        m = _members(cls, need, c, own)
        count[c] = _cover(key, mask, own, m, other, k, ek, em, first[c], style)
        left -= m * k
    shorter = True
    while shorter and left > 0:
        shorter = False
        for c in range(size):
            m = _members(cls, need, c, moving)
            if m == 0 or left <= 0:
                continue
            start, best_gain, best = place[c], 0, -1
            for step in (-1, 1):
                if step == 1 and count[c] == 1:
                    continue  # further down it can only stay one entry and be in the way
                delta, j = 0, start
                tried[c] = count[c]
                _copy(ek, em, tried_key, tried_mask, first[c], count[c])
                while 0 <= j + step < size:
                    j += step
                    b = order[j]
                    # b is passed: it follows c now, or comes before c and must not match its groups.
                    if step == 1:
                        again = _in_the_way(ek, em, first[b], count[b], key, mask, moving, m)
                        place[c] = size + 1
                    else:
                        again = count[b] > 1
                        place[c] = -1
                    tried[b] = count[b]
                    if again:
                        k = _forbidden(cls, need, place, b, j, other)
                        q = _members(cls, need, b, own)
                        tried[b] = _cover(key, mask, own, q, other, k, tried_key, tried_mask, first[b], style)
                        left -= q * k
                        delta += tried[b] - count[b]
                    else:
                        _copy(ek, em, tried_key, tried_mask, first[b], count[b])
                    place[c] = start
                    if step == 1 and delta >= count[c] - 1:
                        break
                    if step == 1:
                        again = tried[c] > 1
                    else:
                        q = _members(cls, need, b, own)
                        again = _in_the_way(tried_key, tried_mask, first[c], tried[c], key, mask, own, q)
                    if again:
                        k = _forbidden(cls, need, place, c, j if step == 1 else j - 1, other)
                        tried[c] = _cover(
                            key, mask, moving, m, other, k, tried_key, tried_mask, first[c], style
                        )
                        left -= m * k
                    gain = count[c] - tried[c] - delta
                    if gain > best_gain:
                        best_gain, best = gain, j
                        for i in range(min(start, j), max(start, j) + 1):
                            a = order[i]
                            kept[a] = tried[a]
                            _copy(tried_key, tried_mask, kept_key, kept_mask, first[a], tried[a])
            if best >= 0:
                shorter = True
                for i in range(min(start, best), max(start, best) + 1):
                    a = order[i]
                    count[a] = kept[a]
                    _copy(kept_key, kept_mask, ek, em, first[a], kept[a])
                step = 1 if best > start else -1
                i = start
                while i != best:
                    order[i] = order[i + step]
                    place[order[i]] = i
                    i += step
                order[best] = c
                place[c] = best
    budget[0] = left
    return count


def quick_length(arrivals: NDArray[np.int64], effort: int) -> tuple[int, int]:
    """Length of a right table found with little effort, and the comparisons that took.

    Args:
        arrivals: int64 [4, n], rows as in `Arrivals`.
    """
    n = arrivals.shape[1]
    key, mask = np.ascontiguousarray(arrivals[0]), np.ascontiguousarray(arrivals[1])
    need = arrivals[2] != arrivals[3]
    cls, order, first = np.zeros((3, n), np.int64)
    size = _number(arrivals, need, cls, order, first)
    entries, left = np.empty((2, n), np.int64), np.array([effort], np.int64)
    count = order_classes(key, mask, cls, need, 0, order[:size], first[:size], entries[0], entries[1], left)
    return int(count.sum()), int(effort - left[0] + n * size)


@njit(cache=True, nogil=True)
def _number(arrivals: Any, need: Any, cls: Any, order: Any, first: Any) -> Any:
    """The class of each group; the classes by members, few first; where their entries start; returns how many."""
    n = arrivals.shape[1]
    route, members = np.zeros(n, np.int64), np.zeros(n, np.int64)
    size = 0
    for t in range(n):
        c = 0
        while c < size and route[c] != arrivals[2, t]:
            c += 1
        route[c], cls[t] = arrivals[2, t], c
        size = max(size, c + 1)
        first[c] += 1
        if need[t]:
            members[c] += 1
    at = 0
    for a in range(size):
        b = a
        while b > 0 and members[order[b - 1]] > members[a]:
            order[b] = order[b - 1]
            b -= 1
        order[b] = a
        groups, first[a] = first[a], at
        at += groups
    return size
