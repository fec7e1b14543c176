"""Compiled generators: the rows of random rules, written in place.

Every row (of the in-degree rule: every column) has a random stream of its own, Philox blocks numbered from 0 on, so it
does not depend on the others. Rows come out sorted by target unless said otherwise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from neurosim.random import philox

__all__ = ["bernoulli_rows", "decaying_rows", "in_degree_rows", "out_degree_rows", "ring_rows", "sort_rows"]

WORDS = 64
"""Random words drawn at a time, an even number."""


@njit(cache=True, nogil=True)
def _refill(words: Any, key: Any, row: Any, block: Any) -> Any:
    """The next 32-bit words of a row's stream, from a Philox block on; returns the block after them."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    k0, k1, low, high = key & mask, key >> shift, np.uint64(row) & mask, np.uint64(row) >> shift
    for b in range(WORDS // 4):
        c = philox(low, high, np.uint64(block + b), np.uint64(0), k0, k1)
        words[4 * b], words[4 * b + 1], words[4 * b + 2], words[4 * b + 3] = c[0], c[1], c[2], c[3]
    return block + WORDS // 4


@njit(cache=True, nogil=True)
def _uniform(words: Any, used: Any) -> Any:
    """Two words as a number in (0, 1], a multiple of 2^-53."""
    word = words[used + 1] << np.uint64(32) | words[used]
    return np.float64((word >> np.uint64(11)) + np.uint64(1)) * 2.0**-53


@njit(cache=True, nogil=True)
def _choose(
    key: Any, row: Any, draws: Any, choices: Any, autapse: Any, distinct: Any, invert: Any,
    seen: Any, words: Any, chosen: Any,
) -> None:  # fmt: skip
    """Fill ``chosen`` with integers below ``choices``, each as likely; those from ``autapse`` on are moved up by one.

    Products of 32-bit words, those that would make some likelier drawn again (Lemire, "Fast random integer generation
    in an interval", TOMACS 2019). ``distinct`` draws without replacement; ``invert`` takes those not drawn instead.
    """
    mask, size = np.uint64(0xFFFFFFFF), np.uint64(max(choices, 1))
    least = (np.uint64(2**32) - size) % size
    used, block, k = WORDS, 0, 0
    while k < draws:
        if used == WORDS:
            block, used = _refill(words, key, row, block), 0
        product = words[used] * size
        used += 1
        if product & mask < least:
            continue
        i = np.int64(product >> np.uint64(32))
        if distinct:
            if seen[i] == row:
                continue
            seen[i] = row
        if not invert:
            chosen[k] = i + (i >= autapse)
        k += 1
    if invert:
        k = 0
        for free in range(choices):
            if seen[free] != row:
                chosen[k] = free + (free >= autapse)
                k += 1


@njit(cache=True, nogil=True)
def bernoulli_rows(
    key: Any, p: Any, n_post: Any, skip: Any, row: Any, at: Any, row_start: Any, target: Any
) -> Any:
    """Each pair with probability p < 1, by drawing the gaps between the chosen ones (Batagelj & Brandes 2005).

    Stops before a row for which ``target`` may be too short; returns the next row and place. ``skip``: without (i, i).
    """
    words = np.empty(WORDS, np.uint64)
    scale = 1.0 / math.log1p(-p)
    while row < row_start.size - 1 and at + n_post <= target.size:
        autapse = row if skip and row < n_post else n_post
        pairs = n_post - 1 if autapse < n_post else n_post
        used, block, j = WORDS, 0, -1
        while True:
            if used == WORDS:
                block, used = _refill(words, key, row, block), 0
            gap = math.log(_uniform(words, used)) * scale
            used += 2
            if gap >= pairs - 1 - j:
                break
            j += int(gap) + 1
            target[at] = j + (j >= autapse)
            at += 1
        row += 1
        row_start[row] = at
    return row, at


@njit(cache=True, nogil=True)
def in_degree_rows(
    key: Any, degree: Any, distinct: Any, skip: Any, n_post: Any, row_start: Any, target: Any
) -> None:
    """``degree`` presynaptic neurons for each postsynaptic one.

    Called twice: without ``target`` (size 0) it counts into row_start[1:]; then row_start[:-1] holds where each row
    goes on, and is moved on.
    """
    n_pre = row_start.size - 1
    words, chosen = np.empty(WORDS, np.uint64), np.empty(degree, np.int64)
    seen = np.full(n_pre if distinct else 0, -1, np.int64)
    for j in range(n_post):
        autapse = j if skip and j < n_pre else n_pre
        choices = n_pre - 1 if autapse < n_pre else n_pre
        invert = distinct and 2 * degree > choices  # then those are drawn that are left out
        draws = choices - degree if invert else degree
        _choose(key, j, draws, choices, autapse, distinct, invert, seen, words, chosen)
        if target.size:
            for k in range(degree):
                at = row_start[chosen[k]]
                target[at] = j
                row_start[chosen[k]] = at + 1
        else:
            for k in range(degree):
                row_start[chosen[k] + 1] += 1


@njit(cache=True, nogil=True)
def out_degree_rows(
    key: Any, degree: Any, distinct: Any, skip: Any, n_post: Any, n_pre: Any, target: Any
) -> None:
    """``degree`` targets for each presynaptic neuron, not sorted."""
    words = np.empty(WORDS, np.uint64)
    seen = np.full(n_post if distinct else 0, -1, np.int64)
    for row in range(n_pre):
        autapse = row if skip and row < n_post else n_post
        choices = n_post - 1 if autapse < n_post else n_post
        invert = distinct and 2 * degree > choices
        draws = choices - degree if invert else degree
        chosen = target[row * degree : (row + 1) * degree]
        _choose(key, row, draws, choices, autapse, distinct, invert, seen, words, chosen)


@njit(cache=True, nogil=True)
def ring_rows(key: Any, near: Any, rewire: Any, target: Any, n: Any) -> None:
    """The ``near`` next neurons on both sides of a ring, each moved elsewhere with probability ``rewire``.

    Rows are not sorted.
    """
    words = np.empty(WORDS, np.uint64)
    taken = np.full(n, -1, np.int64)
    at = 0
    for row in range(n):
        taken[row] = row
        for d in range(1, near + 1):
            taken[(row + d) % n] = row
            taken[(row - d) % n] = row
        used, block = WORDS, 0
        for d in range(-near, near + 1):
            if d == 0:
                continue
            j = (row + d) % n
            if used == WORDS:
                block, used = _refill(words, key, row, block), 0
            moved = _uniform(words, used) <= rewire and 2 * near < n - 1
            used += 2
            while moved:  # until a free target is drawn; 2^-64 n is how unevenly
                if used == WORDS:
                    block, used = _refill(words, key, row, block), 0
                new = np.int64((1.0 - _uniform(words, used)) * n)
                used += 2
                if taken[new] != row:
                    taken[j], taken[new] = -1, row
                    j, moved = new, False
            target[at] = j
            at += 1


@njit(cache=True, nogil=True)
def decaying_rows(
    key: Any, offset: Any, p: Any, scale: Any, share: Any, kind: Any, grid: Any, site: Any, neuron: Any, skip: Any,
    row: Any, at: Any, row_start: Any, target: Any,
) -> Any:  # fmt: skip
    """Pairs on a grid with a probability that falls with distance, by drawing gaps under a falling bound (Miller &
    Hagberg, "Efficient generation of networks with given expected degrees", WAW 2011); not sorted.

    Args:
        offset: int64 [m, 3], displacements in order of distance; p, scale: [m], the largest probability at each and
            1 / log(1 - p); share: [types, types], the part of it that a pair of types has; kind: types of neurons.
        grid: [3]; site: [n_pre], where presynaptic neurons sit; neuron: [sites], the postsynaptic neuron there or -1.

    Stops and returns as `bernoulli_rows`.
    """
    words = np.empty(WORDS, np.uint64)
    most = min(p.size, neuron.size)
    while row < row_start.size - 1 and at + most <= target.size:
        z = site[row] % grid[2]
        y = site[row] // grid[2] % grid[1]
        x = site[row] // (grid[2] * grid[1])
        used, block, k = WORDS, 0, 0
        while k < p.size:
            if used == WORDS:
                block, used = _refill(words, key, row, block), 0
            bound = p[k]
            if bound < 1.0:
                gap = math.log(_uniform(words, used)) * scale[k]
                if gap >= p.size - k:
                    break
                k += int(gap)
            u = _uniform(words, used + 2) * bound
            used += 4
            to_x, to_y, to_z = x + offset[k, 0], y + offset[k, 1], z + offset[k, 2]
            if 0 <= to_x < grid[0] and 0 <= to_y < grid[1] and 0 <= to_z < grid[2]:
                j = neuron[(to_x * grid[1] + to_y) * grid[2] + to_z]
                if j >= 0 and not (skip and j == row):
                    part = share[kind[row], kind[j]] if kind.size else 1.0
                    if u <= p[k] * part:
                        target[at] = j
                        at += 1
            k += 1
        row += 1
        row_start[row] = at
    return row, at


@njit(cache=True, nogil=True)
def sort_rows(row_start: Any, word: Any, weight: Any, low: Any, high: Any) -> None:
    """Sort each row by the bits low to high of its words, equal ones in order; own weights go with them.

    Short rows by insertion, long ones by radix, eight bits at a time.
    """
    own = weight.size == word.size
    longest = 0
    for i in range(row_start.size - 1):
        longest = max(longest, row_start[i + 1] - row_start[i])
    words, weights = np.empty(longest, word.dtype), np.empty(longest if own else 1, weight.dtype)
    count = np.zeros(257, np.int64)
    base, field = np.uint64(low), np.uint64((1 << (high - low)) - 1)
    for i in range(row_start.size - 1):
        start, stop = row_start[i], row_start[i + 1]
        if stop - start <= 24:
            for e in range(start + 1, stop):
                moved = word[e]
                heavy = weight[e] if own else weight[0]
                code = (np.uint64(moved) >> base) & field
                f = e
                while f > start and ((np.uint64(word[f - 1]) >> base) & field) > code:
                    word[f] = word[f - 1]
                    if own:
                        weight[f] = weight[f - 1]
                    f -= 1
                word[f] = moved
                if own:
                    weight[f] = heavy
            continue
        for bit in range(low, high, 8):
            shift = np.uint64(bit)
            digit = np.uint64((1 << min(8, high - bit)) - 1)
            count[:] = 0
            for e in range(start, stop):
                count[np.int64((np.uint64(word[e]) >> shift) & digit) + 1] += 1
            for d in range(1, 257):
                count[d] += count[d - 1]
            for e in range(start, stop):
                slot = np.int64((np.uint64(word[e]) >> shift) & digit)
                words[count[slot]] = word[e]
                if own:
                    weights[count[slot]] = weight[e]
                count[slot] += 1
            for e in range(start, stop):  # assigning slices takes Numba two seconds more to compile
                word[e] = words[e - start]
                if own:
                    weight[e] = weights[e - start]
