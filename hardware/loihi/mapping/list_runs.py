"""How lists of synapses are cut into runs that a format each can hold, in the fewest bits.

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
    bits_per_synapse,
    index_fields,
    memory_bits,
    weight_field,
)
from neurosim.hardware.loihi.numerics.weights import SignMode

__all__ = ["Runs", "fit_one_format", "runs_as_held", "runs_of"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LOWEST, _HIGHEST = 7, 21
"""``high`` for the exponents -7 and 7"""


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
    whole, split = _filled(_whole(lists), lists), _split(lists)
    cost = np.zeros(len(whole.list_of), np.int64)
    np.add.at(cost, split.list_of, _bits(split))
    fits = _fits(whole.mode, whole.low, whole.high)
    return _joined(whole, split, fits & ((_bits(whole) <= cost) | (whole.atoms > 1)))


def runs_as_held(lists: SharedLists) -> Runs:
    """Cut every list into a run for each mode and exponent that the network has in it, in full width and with indices.

    It takes more bits and fewer formats. Lists of several atoms stay whole.
    """
    whole, split = _whole(lists), _split(lists)
    held = lists.held[split.order[split.start[:-1]]]
    mode, exponent = held >> 4, held & 15
    mode = np.where(mode == SignMode.NULL, SignMode.EXCITATORY, mode)
    split = replace(split, mode=mode, low=exponent + (mode == SignMode.MIXED), high=exponent + 7)
    return _joined(whole, split, whole.atoms > 1)


def _whole(lists: SharedLists) -> Runs:
    return _needs(lists, np.arange(len(lists.index)), lists.start, np.arange(len(lists.start) - 1))


def _split(lists: SharedLists) -> Runs:
    of = np.repeat(np.arange(len(lists.start) - 1), np.diff(lists.start))
    key = of << 7 | lists.held
    order = np.argsort(key, kind="stable")
    begins = np.flatnonzero(np.diff(key[order], prepend=-1))
    return _needs(lists, order, np.append(begins, len(order)), of[order][begins])


def _needs(lists: SharedLists, order: Ints, start: Ints, list_of: Ints) -> Runs:
    first, count = start[:-1], np.diff(start)
    value, index, delay = lists.value[order], lists.index[order], lists.delay[order]

    def over(ufunc: np.ufunc, values: NDArray[Any]) -> Ints:
        return np.asarray(ufunc.reduceat(values, first) if len(first) else first, dtype=np.int64)

    mode, low, high = _weights(value, first)
    return Runs(
        order=order,
        start=start,
        list_of=list_of,
        atoms=lists.atoms[list_of],
        cells=count,
        mode=mode,
        low=low,
        high=high,
        index=over(np.maximum, index),
        delay_bits=_bit_length(over(np.maximum, delay)),
        dense=np.zeros(len(first), bool),
    )


def _filled(runs: Runs, lists: SharedLists) -> Runs:
    """Whole lists without indices where that is less. Not two runs of a list: where the second begins is not said."""
    if not len(runs.list_of):
        return runs
    ascends = np.diff(lists.index, prepend=-1) > 0
    ascends[1:] |= np.diff(lists.atom) != 0
    ascends[runs.start[:-1]] = True
    filled = replace(runs, dense=np.ones(len(runs.dense), bool), cells=runs.atoms * (runs.index + 1))
    less = (
        np.logical_and.reduceat(ascends, runs.start[:-1]) & (runs.index > 0) & (_bits(filled) < _bits(runs))
    )
    return replace(runs, dense=less, cells=np.where(less, filled.cells, runs.cells))


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


def _fits(mode: Ints, low: Ints, high: Ints) -> Flags:
    """Whether a format holds such weights."""
    return (weight_field(mode, low, high) < 8) & (high <= _HIGHEST)


def _bits(runs: Runs) -> Ints:
    weight = weight_field(runs.mode, runs.low, runs.high)
    return memory_bits(
        runs.cells, bits_per_synapse(weight, index_fields(runs.index), runs.delay_bits, runs.dense)
    )


def _joined(whole: Runs, split: Runs, one: Flags) -> Runs:
    """Of each list the whole run where it is to be ``one``, else those it is split into."""
    taken = np.concatenate([np.flatnonzero(one), len(one) + np.flatnonzero(~one[split.list_of])])
    taken = taken[np.argsort(np.concatenate([whole.list_of, split.list_of])[taken], kind="stable")]

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
