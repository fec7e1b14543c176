"""Batches of spikes: the list of a batch's spikes out of a sorted one, and the dense tensor beside it, in one pass."""

from __future__ import annotations

from typing import Any

from numba import njit
from numpy.typing import NDArray

__all__ = ["clear_batch", "fill_batch"]


@njit(cache=True, nogil=True)
def fill_batch(
    first: int,
    last: int,
    source: NDArray[Any],
    start: NDArray[Any],
    step: NDArray[Any],
    neuron: NDArray[Any],
    count: NDArray[Any],
    x: NDArray[Any],
    row: NDArray[Any],
    listed: NDArray[Any],
    value: NDArray[Any],
) -> None:
    """Samples ``first`` to ``last`` - 1 of a batch.

    Sample b takes entries ``source[b]`` and following of ``step``, ``neuron`` and ``count`` (empty: all one) and puts
    them at ``start[b]`` to ``start[b + 1]`` of ``listed`` and ``value``, into ``x [B, T, n]`` (zero before), and where
    each step ends into ``row [B * T + 1]``.
    """
    steps = x.shape[1]
    for b in range(first, last):
        at, end, shift = start[b], start[b + 1], source[b] - start[b]
        for t in range(steps):
            while at < end and step[at + shift] == t:
                i = neuron[at + shift]
                listed[at] = i
                if count.size:
                    c = count[at + shift]
                    x[b, t, i] = c
                    value[at] = c
                else:
                    x[b, t, i] = 1
                at += 1
            row[b * steps + t + 1] = at


@njit(cache=True, nogil=True)
def clear_batch(first: int, last: int, row: NDArray[Any], listed: NDArray[Any], x: NDArray[Any]) -> None:
    """Put zeros into ``x [B, T, n]`` where the list has spikes, in samples ``first`` to ``last`` - 1."""
    steps = x.shape[1]
    for b in range(first, last):
        for t in range(steps):
            for at in range(row[b * steps + t], row[b * steps + t + 1]):
                x[b, t, listed[at]] = 0
