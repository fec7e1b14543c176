"""The synapse formats of a core: the narrowest for every run of synapses, merged until the table holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.mapping.list_runs import Runs
from neurosim.hardware.loihi.mapping.synapse_format import (
    COMPRESSION_DENSE,
    COMPRESSION_SPARSE,
    SynapseFormat,
    bits_per_synapse,
    index_fields,
    memory_bits,
    weight_field,
)
from neurosim.hardware.loihi.numerics.weights import SignMode

__all__ = ["Encoding", "encode"]

Ints = NDArray[np.int64]

_MIXED = int(SignMode.MIXED)
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Encoding:
    """Runs with their formats, each a part of one list; arrays [runs], int64 unless noted.

    Attributes:
        order: int64 [k]; the synapses of `SharedLists` in order of the runs. start: [runs + 1] into ``order``.
        list_of, atoms, cells, dense: as in `Runs`.
        number: index into ``formats``. bits: memory.
    """

    order: Ints
    start: Ints
    list_of: Ints
    atoms: Ints
    cells: Ints
    dense: NDArray[np.bool_]
    number: Ints
    bits: Ints
    formats: tuple[SynapseFormat, ...]


def encode(runs: Runs, most: int) -> Encoding:
    """Choose formats, ``most`` at most; runs of a list that come to have the same become one.

    Some formats cannot be merged, since no width holds the weights of both: then more than ``most`` are left.
    """
    number, formats = _formats(runs, most)
    key = runs.list_of * max(len(formats), 1) + number
    by = np.argsort(key, kind="stable")
    first, count = runs.start[:-1][by], np.diff(runs.start)[by]
    begins = np.flatnonzero(np.diff(key[by], prepend=-1))
    ends = np.cumsum(count)
    cells = np.add.reduceat(runs.cells[by], begins) if len(begins) else runs.cells
    widths = np.array([fmt.bits_per_synapse() for fmt in formats], dtype=np.int64)
    return Encoding(
        order=runs.order[np.repeat(first - (ends - count), count) + np.arange(len(runs.order))],
        start=np.append((ends - count)[begins], len(runs.order)),
        list_of=runs.list_of[by][begins],
        atoms=runs.atoms[by][begins],
        cells=cells,
        dense=runs.dense[by][begins],
        number=number[by][begins],
        bits=memory_bits(cells, widths[number[by][begins]]),
        formats=formats,
    )


def _formats(runs: Runs, most: int) -> tuple[Ints, tuple[SynapseFormat, ...]]:
    """A format for every run, by index, and the formats. The two whose merger takes the fewest bits more go first."""
    index = np.where(runs.dense, 0, index_fields(runs.index))
    columns = (runs.mode, runs.low, runs.high, index, runs.delay_bits, runs.dense.astype(np.int64))
    needs, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    which = which.reshape(-1)
    cells = np.zeros(len(needs), np.int64)
    np.add.at(cells, which, runs.cells)
    alive, into = np.ones(len(needs), bool), np.arange(len(needs))
    more = _mergers(needs[:, None], cells[:, None], needs, cells) if len(needs) > most else cells
    more = np.where(np.tri(len(needs), dtype=bool), _NEVER, more)
    for _ in range(len(needs) - most):
        a, b = divmod(int(more.argmin()), len(needs))
        if more[a, b] == _NEVER:
            break
        needs[a] = _merged(needs[a], needs[b])
        cells[a] += cells[b]
        alive[b] = False
        into[into == b] = a
        cost = np.where(alive, _mergers(needs[a], cells[a], needs, cells), _NEVER)
        more[b], more[:, b] = _NEVER, _NEVER
        more[a, a + 1 :], more[:a, a] = cost[a + 1 :], cost[:a]
    formats: list[SynapseFormat] = []
    number = np.zeros(len(needs), np.int64)
    for i in np.flatnonzero(alive).tolist():
        fmt = _format(needs[i])
        if fmt not in formats:  # bits of a weight may differ where its field does not
            formats.append(fmt)
        number[i] = formats.index(fmt)
    return number[into][which], tuple(formats)


def _merged(a: Ints, b: Ints) -> Ints:
    """What holds both; rows, or arrays of rows, of mode, low, high, field of index, bits of delay, dense."""
    both = np.maximum(a, b)
    both[..., 0] = np.where(a[..., 0] == b[..., 0], a[..., 0], _MIXED)
    both[..., 1] = np.minimum(a[..., 1], b[..., 1])
    return both


def _weight(rows: Ints) -> Ints:
    return weight_field(rows[..., 0], rows[..., 1], rows[..., 2])


def _mergers(needs: Ints, cells: Ints, others: Ints, other_cells: Ints) -> Ints:
    """Bits that it takes more to merge rows with others; arrays that broadcast."""
    both = _merged(needs, others)

    def taken(rows: Ints, number: Ints) -> Ints:
        return number * bits_per_synapse(_weight(rows), rows[..., 3], rows[..., 4], rows[..., 5])

    more = taken(both, cells + other_cells) - taken(needs, cells) - taken(others, other_cells)
    # a run without indices holds other cells than one with
    return np.where((_weight(both) < 8) & (needs[..., 5] == others[..., 5]), more, _NEVER)


def _format(needs: Ints) -> SynapseFormat:
    mode, _, high, index, delay_bits, dense = needs.tolist()
    return SynapseFormat(
        mode=SignMode(mode),
        exponent=high - 14,
        weight_bits=min(int(_weight(needs)), 7),
        index_bits=index,
        delay_bits=delay_bits,
        compression=COMPRESSION_DENSE if dense else COMPRESSION_SPARSE,
    )
