"""All synapses of a started machine as one list: what packets really lead to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.emulator.core_tables import Memory, Tables

__all__ = ["SynapseList", "list_synapses"]


class SynapseList(NamedTuple):
    """Synapses by the atom that sends: those of atom a are ``row_start[a]`` to ``row_start[a + 1]``, int64.

    ``target`` int32 neuron; ``receptor`` uint8; ``delay`` int32 steps; ``weight`` uint16, raw, of plastic synapses the
    present one. Stages of a delay core are atoms of their own, and what is left of the delay is listed.
    """

    row_start: NDArray[np.int64]
    target: NDArray[np.int32]
    receptor: NDArray[np.uint8]
    delay: NDArray[np.int32]
    weight: NDArray[np.uint16]


def list_synapses(tables: Tables, memory: Memory, first_atom: NDArray[np.int64]) -> SynapseList:
    """Follow every packet of every atom to its synapses.

    Args:
        first_atom: int64 [vertices + 1], number of the first atom of each vertex.
    """
    e, static, plastic, cores = tables.incoming, tables.rows, memory.rows, tables.cores
    columns: list[tuple[NDArray[np.int64], ...]] = []
    for k in range(len(cores.lo)):
        bits, lo = int(cores.index_bits[k]), int(cores.lo[k])
        for i in range(int(e.first[k]), int(e.first[k + 1])):
            begin, end = first_atom[e.vertex[i]], first_atom[e.vertex[i] + 1]
            atoms = np.arange(end - begin)
            atoms = atoms[((atoms ^ e.bits[i]) & e.care[i]) == 0]
            rows = atoms + e.row[i]
            changes = bool(e.plastic[i])
            start = plastic.start if changes else static.start.astype(np.int64)
            counts = start[rows + 1] - start[rows]
            here = np.repeat(start[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            source = np.repeat(atoms + begin, counts)
            if changes:
                acts = plastic.delay[here] > 0
                source, here = source[acts], here[acts]
                fields = (plastic.target, plastic.receptor, plastic.delay, plastic.weight)
                found = [a[here].astype(np.int64) for a in fields]
            else:
                words = static.word[here + static.base[k]].astype(np.int64)
                low = words & 0xFFFF
                target = (low & ((1 << bits) - 1)) + lo
                found = [target, low >> bits & 1, low >> (bits + 1), words >> 16]
            slots = 1 << int(cores.delay_bits[k])
            found[2] = (found[2] - 1) % slots + 1  # slots are taken modulo their number
            columns.append((source, *found))
    source, *fields_ = (np.concatenate([np.zeros(0, np.int64), *(c[i] for c in columns)]) for i in range(5))
    order = np.argsort(source, kind="stable")
    types = (np.int32, np.uint8, np.int32, np.uint16)
    row_start = np.searchsorted(source[order], np.arange(first_atom[-1] + 1)).astype(np.int64)
    return SynapseList(row_start, *(f[order].astype(t) for f, t in zip(fields_, types, strict=True)))
