"""How lists of synapses are encoded: which runs of which format make up a list, in the fewest bits.

A format holds the bits of a weight from ``low`` to ``high``, bit b adding ``2^(6 + b - 7)`` to the state: its exponent
is ``high - 14`` (stored weights fill the register from the top), its width what is left above ``low``. So the exponent
may be lower than the network's, with no bit lost, and the width is the smallest there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.mapping.shared_lists import SharedLists
from neurosim.hardware.loihi.mapping.synapse_format import (
    COMPRESSION_DENSE,
    COMPRESSION_SPARSE,
    INDEX_WIDTHS,
    SynapseFormat,
    memory_bits,
)
from neurosim.hardware.loihi.numerics.weights import WEIGHT_WIDTHS, SignMode

__all__ = ["Runs", "choose_formats", "fit_one_format", "runs_of"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LOWEST, _HIGHEST = 7, 21
"""``high`` for the exponents -7 and 7"""
_INDEX_WIDTHS, _WEIGHT_WIDTHS = np.array(INDEX_WIDTHS), np.array(WEIGHT_WIDTHS)


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of synapses that share a format, each a part of one list; arrays int64 [runs] unless noted.

    Attributes:
        order: int64 [k]; the synapses of `SharedLists` in order of the runs. start: [runs + 1] into ``order``.
        list_of: the list each run belongs to, ascending.
        atoms: lists of one length that the run consists of.
        cells: entries that are stored: the synapses, or, ``dense``, of each atom all compartments from the base on.
        mode, low, high, index, delay_bits: what the run needs of a format; ``index`` is the largest one.
        dense: bool; no indices are stored.
    """

    order: Ints
    start: Ints
    list_of: Ints
    atoms: Ints
    cells: Ints
    mode: Ints
    low: Ints
    high: Ints
    index: Ints
    delay_bits: Ints
    dense: Flags


def runs_of(lists: SharedLists) -> Runs:
    """Cut every list into runs: one if a format can hold all its weights, else one for each way the network holds them.

    Lists of several atoms have to fit one format: `fit_one_format` tells.
    """
    n, k = len(lists.start) - 1, len(lists.index)
    of = np.repeat(np.arange(n), np.diff(lists.start))
    whole = _needs(lists, np.arange(k), lists.start, np.arange(n))
    order = np.argsort(of << 7 | lists.held, kind="stable")
    key = of[order] << 7 | lists.held[order]
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    split = _needs(lists, order, np.append(begins, k), of[order][begins])
    cost = np.zeros(n, np.int64)
    np.add.at(cost, split.list_of, _bits(split))
    one = _fits(whole.mode, whole.low, whole.high) & ((_bits(whole) <= cost) | (whole.atoms > 1))
    taken = np.concatenate([np.flatnonzero(one), n + np.flatnonzero(~one[split.list_of])])
    both = np.concatenate([whole.list_of, split.list_of])
    taken = taken[np.argsort(both[taken], kind="stable")]
    return _joined(whole, split, taken)


def _needs(lists: SharedLists, order: Ints, start: Ints, list_of: Ints) -> Runs:
    first, count = start[:-1], np.diff(start)
    value, index, delay = lists.value[order], lists.index[order], lists.delay[order]

    def over(ufunc: np.ufunc, values: NDArray[Any]) -> Ints:
        return np.asarray(ufunc.reduceat(values, first) if len(first) else first, dtype=np.int64)

    mode, low, high = _weights(value, first)
    largest = over(np.maximum, index)
    runs = Runs(
        order=order,
        start=start,
        list_of=list_of,
        atoms=lists.atoms[list_of],
        cells=count,
        mode=mode,
        low=low,
        high=high,
        index=largest,
        delay_bits=_bit_length(over(np.maximum, delay)),
        dense=np.zeros(len(first), bool),
    )
    # whole lists alone may be dense: where a second run would begin is nowhere written
    if np.any(np.diff(list_of) == 0):
        return runs
    ascends = np.diff(index, prepend=-1) > 0
    ascends[first] = True
    ascends[1:] |= np.diff(lists.atom[order]) != 0
    fills = over(np.logical_and, ascends).astype(bool) & (largest > 0)
    cells = runs.atoms * (largest + 1)
    width = _per_synapse(mode, low, high, largest, runs.delay_bits, np.ones(len(first), bool))
    fills &= memory_bits(cells, width) < _bits(runs)
    return replace(runs, dense=fills, cells=np.where(fills, cells, count))


def fit_one_format(value: Ints, start: Ints) -> Flags:
    """Whether a format holds all values of each list, bool [lists]; ``value`` and ``start`` as in `AxonLists`."""
    mode, low, high = _weights(value, start[:-1])
    return _fits(mode, low, high)


def _weights(value: Ints, first: Ints) -> tuple[Ints, Ints, Ints]:
    """Mode, lowest and highest bit of the values from each ``first`` to the next."""
    if not len(first):
        return first, first, first
    top, bottom = np.maximum.reduceat(value, first), np.minimum.reduceat(value, first)
    used = np.bitwise_or.reduceat(np.abs(value), first)
    low = _bit_length(used & -used) - 1
    magnitude = _bit_length(np.maximum(top, -bottom)) - 1
    # a mixed weight is in two's complement: -256 fits where 256 does not
    mixed = (bottom < 0) & ((top > 0) | (magnitude > _HIGHEST))
    mode = np.where(mixed, SignMode.MIXED, np.where(bottom < 0, SignMode.INHIBITORY, SignMode.EXCITATORY))
    high = np.where(mixed, _bit_length(np.maximum(np.maximum(top, -bottom - 1), 1)) - 1, magnitude)
    return mode.astype(np.int64), low, np.maximum(high, _LOWEST)


def _bit_length(x: Ints) -> Ints:
    """Of values from 0 to 2^53."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def _weight_field(mode: Ints, low: Ints, high: Ints) -> Ints:
    """Field of the narrowest weight; 8 where no width is enough."""
    return np.searchsorted(_WEIGHT_WIDTHS, high - low + 1 + (mode == SignMode.MIXED)).astype(np.int64)


def _index_field(largest: Ints) -> Ints:
    return np.searchsorted(_INDEX_WIDTHS, _bit_length(largest)).astype(np.int64)


def _fits(mode: Ints, low: Ints, high: Ints) -> Flags:
    """Whether a format holds such weights."""
    return (_weight_field(mode, low, high) < 8) & (high <= _HIGHEST)


def _per_synapse(mode: Ints, low: Ints, high: Ints, index: Ints, delay_bits: Ints, dense: Flags) -> Ints:
    weight = _WEIGHT_WIDTHS[np.minimum(_weight_field(mode, low, high), 7)]
    return weight + delay_bits + np.where(dense, 0, _INDEX_WIDTHS[np.minimum(_index_field(index), 7)])


def _bits(runs: Runs) -> Ints:
    per = _per_synapse(runs.mode, runs.low, runs.high, runs.index, runs.delay_bits, runs.dense)
    return memory_bits(runs.cells, per)


def _joined(whole: Runs, split: Runs, taken: Ints) -> Runs:
    """The runs ``taken`` from those of both, counted through."""

    def of(name: str) -> Any:
        return np.concatenate([getattr(whole, name), getattr(split, name)])[taken]

    first = np.concatenate([whole.start[:-1], split.start[:-1] + len(whole.order)])[taken]
    count = np.concatenate([np.diff(whole.start), np.diff(split.start)])[taken]
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
    at = np.repeat(first - start[:-1], count) + np.arange(start[-1])
    names = ("list_of", "atoms", "cells", "mode", "low", "high", "index", "delay_bits", "dense")
    return Runs(
        order=np.concatenate([whole.order, split.order])[at],
        start=start,
        **{name: of(name) for name in names},
    )


def choose_formats(runs: Runs, most: int) -> tuple[Ints, tuple[SynapseFormat, ...]]:
    """A format for every run, by index, and the formats: the narrowest, merged while they are more than ``most``.

    The two whose merger takes the fewest bits more are merged first. Some cannot be, since no width holds the
    weights of both: then more than ``most`` are left.
    """
    index = _index_field(runs.index)
    index[runs.dense] = 0
    key = np.stack([runs.mode, runs.low, runs.high, index, runs.delay_bits, runs.dense.astype(np.int64)])
    # `low` matters by the width it leads to
    needs, which = np.unique(key.T, axis=0, return_inverse=True)
    which = which.reshape(-1)
    number = np.zeros(len(needs), np.int64)
    np.add.at(number, which, runs.cells)
    alive, into = np.ones(len(needs), bool), np.arange(len(needs))
    needs = needs.copy()
    while int(alive.sum()) > most:
        left = np.flatnonzero(alive)
        a, b, more = _cheapest(needs[left], number[left])
        if more is None:
            break
        a, b = int(left[a]), int(left[b])
        needs[a] = _merged(needs[a], needs[b])
        number[a] += number[b]
        alive[b] = False
        into[into == b] = a
    formats, numbers = [], {}
    for i in np.flatnonzero(alive).tolist():
        fmt = _format(*needs[i].tolist())
        if fmt not in formats:
            formats.append(fmt)
        numbers[i] = formats.index(fmt)
    lookup = np.array([numbers[i] for i in into.tolist()], dtype=np.int64)
    return lookup[which], tuple(formats)


def _merged(a: Ints, b: Ints) -> Ints:
    """What holds both; rows (or arrays of rows) of mode, low, high, field of index, bits of delay, dense."""
    mode = np.where(a[..., 0] == b[..., 0], a[..., 0], SignMode.MIXED)
    low, high = np.minimum(a[..., 1], b[..., 1]), np.maximum(a[..., 2], b[..., 2])
    rest = np.maximum(a[..., 3:5], b[..., 3:5])
    dense = np.minimum(a[..., 5], b[..., 5])
    return np.concatenate([np.stack([mode, low, high], axis=-1), rest, dense[..., None]], axis=-1)


def _cheapest(needs: Ints, number: Ints) -> tuple[int, int, int | None]:
    both = _merged(needs[:, None], needs[None])

    def per(rows: Ints) -> Ints:
        weight = _WEIGHT_WIDTHS[np.minimum(_weight_field(rows[..., 0], rows[..., 1], rows[..., 2]), 7)]
        return weight + _INDEX_WIDTHS[rows[..., 3]] + rows[..., 4]

    alone = per(needs) * number
    more = per(both) * (number[:, None] + number[None]) - alone[:, None] - alone[None]
    fits = _weight_field(both[..., 0], both[..., 1], both[..., 2]) < 8
    fits &= needs[:, None, 5] == needs[None, :, 5]  # a list without indices is of another length
    never = np.iinfo(np.int64).max
    more = np.where(fits & ~np.eye(len(needs), dtype=bool), more, never)
    best = int(more.argmin())
    a, b = sorted(divmod(best, len(needs)))
    return a, b, None if more[a, b] == never else int(more[a, b])


def _format(mode: int, low: int, high: int, index: int, delay_bits: int, dense: int) -> SynapseFormat:
    field = int(_weight_field(np.array(mode), np.array(low), np.array(high)))
    return SynapseFormat(
        mode=SignMode(mode),
        exponent=high - 14,
        weight_bits=min(max(field, 1), 7),
        index_bits=index,
        delay_bits=delay_bits,
        compression=COMPRESSION_DENSE if dense else COMPRESSION_SPARSE,
    )
