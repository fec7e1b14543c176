"""All synapses of a started machine as one list: what packets really lead to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.emulator.core_tables import Memory, Tables
from neurosim.hardware.spinnaker.emulator.row_streams import expand

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
    e, plastic, cores = tables.plastic, memory.rows, tables.cores
    atom, core, words = expand(tables.rows)
    low, bits = words.astype(np.int64) & 0xFFFF, cores.index_bits[core]
    target = (low & ((1 << bits) - 1)) + cores.lo[core]
    slots = 1 << cores.delay_bits[core]  # slots are taken modulo their number
    delay = ((low >> (bits + 1)) - 1) % slots + 1
    columns: list[tuple[NDArray[np.int64], ...]] = [
        (atom, target, low >> bits & 1, delay, words.astype(np.int64) >> 16)
    ]
    for k in range(len(cores.lo)):
        for i in range(int(e.first[k]), int(e.first[k + 1])):
            begin, end = first_atom[e.vertex[i]], first_atom[e.vertex[i] + 1]
            atoms = np.arange(end - begin)
            atoms = atoms[((atoms ^ e.bits[i]) & e.care[i]) == 0]
            rows = atoms + e.row[i]
            counts = plastic.start[rows + 1] - plastic.start[rows]
            here = np.repeat(plastic.start[rows] - np.cumsum(counts) + counts, counts) + np.arange(
                counts.sum()
            )
            source = np.repeat(atoms + begin, counts)
            acts = plastic.delay[here] > 0
            source, here = source[acts], here[acts]
            fields = (plastic.target, plastic.receptor, plastic.delay, plastic.weight)
            columns.append((source, *(a[here].astype(np.int64) for a in fields)))
    source, *fields_ = (np.concatenate([np.zeros(0, np.int64), *(c[i] for c in columns)]) for i in range(5))
    order = np.argsort(source, kind="stable")
    types = (np.int32, np.uint8, np.int32, np.uint16)
    row_start = np.searchsorted(source[order], np.arange(first_atom[-1] + 1)).astype(np.int64)
    return SynapseList(row_start, *(f[order].astype(t) for f, t in zip(fields_, types, strict=True)))
