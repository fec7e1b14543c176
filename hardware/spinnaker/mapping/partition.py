"""How many neurons of a population go on a core: few enough for its delays, its rows and its memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurosim.engine.plan import PlanProjection
from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits, slots_for
from neurosim.hardware.spinnaker.quantise.row_chunks import row_chunks

__all__ = ["atoms_per_core", "dtcm_bytes", "longest_row"]

_STATE_WORDS = 16  # neuron, synapse, threshold and input state of a neuron
_FIXED_BYTES = 8192  # stack, spike queue, row buffers, code constants


def longest_row(projection: PlanProjection, atoms: int) -> int:
    """The most synapses that one source neuron has on one core of the target population."""
    cores = -(-projection.n_post // atoms)
    longest = 0
    for c in row_chunks(projection):
        cell = c.pre_index.astype(np.int64) * cores + c.target // atoms
        longest = max(longest, int(np.unique(cell, return_counts=True)[1].max(initial=0)))
    return longest


def dtcm_bytes(atoms: int, delay_bits: int, table_words: int, row_words: int) -> int:
    """Data memory that a core needs, in bytes: ring buffers, neuron state, population table, row buffers."""
    ring = 2 << (index_bits(atoms) + 1 + delay_bits)
    return ring + 4 * (_STATE_WORDS * atoms + table_words + 2 * (row_words + 3)) + _FIXED_BYTES


def atoms_per_core(
    name: str, size: int, incoming: Sequence[PlanProjection], most: int, limits: Mapping[str, Any]
) -> int:
    """The largest number of atoms, halved from ``most`` until delays and rows fit.

    Raises:
        CapacityError: not even one neuron a core is few enough; names the projection.
    """
    atoms = most
    for p in incoming:
        while slots_for(min(size, atoms)) < p.max_delay:
            if atoms == 1 or p.max_delay > limits["delay_slots"]:
                raise CapacityError(
                    "its longest delay needs more slots than a core has",
                    where=f"projection {p.name!r}",
                    value=f"{p.max_delay} steps",
                    limit=f"{limits['delay_slots']} steps",
                    remedy="Shorten the longest delays, or use a larger dt",
                )
            atoms = (min(size, atoms) + 1) // 2
    for p in incoming:
        while longest_row(p, atoms) > limits["row_words"]:
            if atoms == 1:
                raise CapacityError(
                    f"a source neuron has too many synapses on one neuron of {name!r}",
                    where=f"projection {p.name!r}",
                    value=longest_row(p, 1),
                    limit=limits["row_words"],
                    remedy="Merge parallel synapses",
                )
            atoms = (min(size, atoms) + 1) // 2
    return atoms
