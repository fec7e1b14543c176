"""Synaptic rows put in the order of the atoms that select them.

On the machine the rows of a source neuron lie in the memories of many chips. Here they follow each other, so that a
spike reads one stretch of memory: for each core that it reaches with synapses a word ``core << 8 | synapses - 1``, then
the synapses as they lie in the memory of that core.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["MOST_CORES", "CoreRows", "RowStreams", "expand", "row_streams", "thread_bounds"]

Uint32 = NDArray[np.uint32]
Int64 = NDArray[np.int64]

MOST_CORES = 1 << 24
"""Cores that a word can tell apart. A row has at most 256 synapses, since its length has 8 bits on the machine."""


class CoreRows(NamedTuple):
    """Rows of one core and who selects them.

    ``entries`` int64 [k, 4]: vertex, care, bits (see `core_tables.Streams`), and row of atom 0 of the vertex;
    ``start`` uint32 [rows + 1]; ``word`` uint32, the synapses of row r are ``word[start[r] : start[r + 1]]``.
    """

    entries: Int64
    start: Uint32
    word: Uint32


class RowStreams(NamedTuple):
    """``start`` int64 [atoms + 1], where the stretch of each atom begins in ``word``, uint32. Within a stretch cores
    ascend."""

    start: Int64
    word: Uint32


def row_streams(cores: list[CoreRows], first_atom: Int64) -> RowStreams:
    """Put the rows of all cores in order. The list is emptied on the way, so that they are in memory once or little
    more.

    Args:
        first_atom: int64 [vertices + 1], number of the first atom of each vertex.
    """
    size = np.zeros(int(first_atom[-1]) + 1, np.int64)
    for rows in cores:
        _count(rows.entries, rows.start, first_atom, size)
    start = np.concatenate([[0], np.cumsum(size[:-1])]).astype(np.int64)
    word = np.empty(int(start[-1]), np.uint32)
    end = start[:-1].copy()
    for k in range(len(cores)):
        rows = cores[k]
        cores[k] = CoreRows(rows.entries[:0], rows.start[:0], rows.word[:0].copy())
        _fill(np.uint32(k), rows.entries, rows.start, rows.word, first_atom, end, word)
        del rows
    cores.clear()
    return RowStreams(start, word)


@njit(cache=True, nogil=True)
def _count(entries: Any, start: Any, first_atom: Any, size: Any) -> None:
    for i in range(len(entries)):
        vertex, care, bits, row = entries[i]
        for atom in range(first_atom[vertex + 1] - first_atom[vertex]):
            n = np.int64(start[row + atom + 1]) - np.int64(start[row + atom])
            if n and (atom ^ bits) & care == 0:
                size[first_atom[vertex] + atom] += n + 1


@njit(cache=True, nogil=True)
def _fill(core: Any, entries: Any, start: Any, word: Any, first_atom: Any, end: Any, out: Any) -> None:
    for i in range(len(entries)):
        vertex, care, bits, row = entries[i]
        for atom in range(first_atom[vertex + 1] - first_atom[vertex]):
            a, b = np.int64(start[row + atom]), np.int64(start[row + atom + 1])
            if b > a and (atom ^ bits) & care == 0:
                at = end[first_atom[vertex] + atom]
                out[at] = np.uint32(core) << np.uint32(8) | np.uint32(b - a - 1)
                for s in range(a, b):
                    at += 1
                    out[at] = word[s]
                end[first_atom[vertex] + atom] = at + 1


def expand(streams: RowStreams) -> tuple[Int64, Int64, Uint32]:
    """Atom, core and word of every synapse."""
    atom, core = (np.zeros(len(streams.word), np.int64) for _ in range(2))
    word = np.zeros(len(streams.word), np.uint32)
    n = _expand(streams.start, streams.word, atom, core, word)
    return atom[:n], core[:n], word[:n]


@njit(cache=True, nogil=True)
def _expand(start: Any, stream: Any, atom: Any, core: Any, word: Any) -> Any:
    n = 0
    for i in range(len(start) - 1):
        p = start[i]
        while p < start[i + 1]:
            head = np.int64(stream[p])
            for s in range(p + 1, p + 2 + (head & 255)):
                atom[n], core[n], word[n] = i, head >> 8, stream[s]
                n += 1
            p += 2 + (head & 255)
    return n


def thread_bounds(streams: RowStreams, edges: Int64) -> Int64:
    """Where the part of each thread begins in the stretch of each atom, and the end: int64 [threads + 1, atoms].

    Args:
        edges: int64 [threads + 1], first core of each thread, and the end.
    """
    if len(edges) == 2:
        return np.stack([streams.start[:-1], streams.start[1:]])
    bounds = np.empty((len(edges), len(streams.start) - 1), np.int64)
    _bounds(streams.start, streams.word, edges, bounds)
    return bounds


@njit(cache=True, nogil=True)
def _bounds(start: Any, stream: Any, edges: Any, bounds: Any) -> None:
    for i in range(len(start) - 1):
        p = start[i]
        for t in range(len(edges)):
            while p < start[i + 1] and np.int64(stream[p]) >> 8 < edges[t]:
                p += 2 + (np.int64(stream[p]) & 255)
            bounds[t, i] = p
