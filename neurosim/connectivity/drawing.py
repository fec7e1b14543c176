"""From the description of a projection to its rows: pairs, then weights, then delays, each written in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.connectivity.delay_rounding import Rounding, delay_steps
from neurosim.connectivity.distributions import Distribution
from neurosim.connectivity.row_kernels import sort_rows
from neurosim.connectivity.rule import Ends, Pattern, Rule
from neurosim.connectivity.synapse_rows import SynapseRows, target_bits, word_type

__all__ = ["Values", "draw_rows"]

Values = float | NDArray[Any] | Distribution

PIECE = 2**17
"""Synapses drawn at a time: little memory, and it stays in the cache."""


def draw_rows(
    rule: Rule,
    ends: Ends,
    *,
    weight: Values,
    delay: Values,
    rounding: Rounding | None,
    keep_zeros: bool,
    dt: float,
    name: str,
) -> SynapseRows:
    """The rows of a projection, drawn from ``ends.seed``.

    Weights given as numbers and arrays keep their precision; drawn ones are float32. Unless ``keep_zeros``, synapses
    whose weight was given as zero are left out.

    Raises:
        DescriptionError: a distribution that drew negative delays.
    """
    pattern = rule.pattern(ends, random.key(ends.seed, "connect", name))
    weights = _weights(rule, ends, weight, pattern, random.key(ends.seed, "weight", name))
    kept: NDArray[np.int64] | None = None
    if not keep_zeros and not isinstance(weight, Distribution) and not weights.all():
        kept = np.flatnonzero(np.broadcast_to(weights != 0, len(pattern.target)))
    where = f"projection {name!r}"
    steps: NDArray[np.int32] | None = None
    if not isinstance(delay, Distribution):
        steps = delay_steps(delay, dt, rounding, where).reshape(np.shape(delay) or -1)
        if len(steps) != 1 or steps.ndim != 1:
            steps = _per_synapse(steps, pattern)
    row_start, target = pattern.row_start, pattern.target
    if kept is not None:
        row_start, target = np.searchsorted(kept, row_start), target[kept]
        weights = weights[kept] if len(weights) > 1 else weights
        steps = steps[kept] if steps is not None and len(steps) > 1 else steps
    del pattern
    weights = _shared(weights)
    if steps is not None and (len(target) == 0 or len(_shared(steps)) == 1):
        shared = int(steps[0]) if len(steps) and len(target) else 0
        word = target.astype(word_type(ends.n_post, 0, 0), copy=False)
        return SynapseRows(ends.n_pre, ends.n_post, row_start, word, 0, shared, weights)
    if steps is None:
        assert isinstance(delay, Distribution)
        key = random.key(ends.seed, "delay", name)
        pieces: Iterator[NDArray[np.int32]] = (
            _nearest_steps(delay.sample(key, index), dt, where) for index in _indices(len(target), kept)
        )
    else:
        pieces = (steps[first : first + PIECE] for first in range(0, len(target), PIECE))
    return _with_delays(ends, row_start, target, weights, pieces)


def _with_delays(
    ends: Ends,
    row_start: NDArray[np.int64],
    target: NDArray[np.uint32],
    weights: NDArray[Any],
    pieces: Iterator[NDArray[np.int32]],
) -> SynapseRows:
    """Put the delays above the targets, and sort by them."""
    bits, word = target_bits(ends.n_post), target
    shortest, longest, first = 2**31, 0, 0
    for steps in pieces:
        shortest, longest = min(shortest, int(steps.min())), max(longest, int(steps.max()))
        if word_type(ends.n_post, bits, longest) != word.dtype:
            word = word.astype(np.uint64)
        word[first : first + len(steps)] |= steps.astype(word.dtype) << word.dtype.type(bits)
        first += len(steps)
    if not first or shortest == longest:
        word &= word.dtype.type((1 << bits) - 1)
        word = word.astype(word_type(ends.n_post, 0, 0), copy=False)
        return SynapseRows(ends.n_pre, ends.n_post, row_start, word, 0, longest, weights)
    if len(weights) > 1 and not weights.flags.writeable:
        weights = weights.copy()
    sort_rows(row_start, word, weights, bits, bits + longest.bit_length())
    return SynapseRows(ends.n_pre, ends.n_post, row_start, word, bits, 0, weights)


def _weights(rule: Rule, ends: Ends, weight: Values, pattern: Pattern, key: int) -> NDArray[Any]:
    """[n_syn], or [1] where all share one; may be the description's own array, which is read-only."""
    n = len(pattern.target)
    if isinstance(weight, Distribution):
        values = np.empty(n, np.float32)
        for index in _indices(n, None):
            values[index[0] : index[-1] + 1] = weight.sample(key, index)
    elif isinstance(weight, np.ndarray) and weight.ndim:
        values = _per_synapse(weight, pattern)
    else:
        values = np.array([weight], np.float64)
    factor = rule.kernel(ends)
    if factor is not None:
        factor = factor if pattern.order is None else factor[pattern.order]
        values = (values * factor).astype(factor.dtype)
    return values


def _per_synapse(values: NDArray[Any], pattern: Pattern) -> NDArray[Any]:
    """From one entry a pair [n_pre, n_post], or one a synapse of the rule's list, to one a synapse of the pattern."""
    if values.ndim == 1:
        return values if pattern.order is None else values[pattern.order]
    lengths = np.diff(pattern.row_start)
    if values.size == len(pattern.target) and (lengths == values.shape[1]).all():
        return values.reshape(-1)  # every pair
    found = np.empty(len(pattern.target), values.dtype)
    rows, columns = values.shape
    step = max(1, PIECE // max(int(lengths.max(initial=1)), 1))
    for row in range(0, len(lengths), step):
        here = slice(pattern.row_start[row], pattern.row_start[min(row + step, len(lengths))])
        i = np.repeat(np.arange(row, min(row + step, len(lengths))), lengths[row : row + step])
        found[here] = values[i if rows > 1 else 0, pattern.target[here] if columns > 1 else 0]
    return found


def _nearest_steps(seconds: NDArray[np.float64], dt: float, where: str) -> NDArray[np.int32]:
    """What `delay_steps` returns, in fewer passes."""
    steps = seconds / dt + 0.5
    if not (seconds.min() >= 0 and steps.max() < 2**31):
        return delay_steps(seconds, dt, Rounding.NEAREST, where)  # says what is wrong
    return steps.astype(np.int32)


def _shared(values: NDArray[Any]) -> NDArray[Any]:
    """[1] where all are the same (or there is none), else as they are."""
    if len(values) == 0:
        return np.ones(1, values.dtype)
    return values[:1].copy() if values[0] == values[-1] and (values == values[0]).all() else values


def _indices(n: int, kept: NDArray[np.int64] | None) -> Iterator[NDArray[np.int64]]:
    for first in range(0, n, PIECE):
        stop = min(first + PIECE, n)
        yield np.arange(first, stop) if kept is None else kept[first:stop]
