"""Who spiked when: the non-zero entries of a tensor ``[T, B, n]`` as a list, and how it travels with the tensor.

Neuron layers make the list while the spikes are at hand and attach it to the tensor that they return; a synapse layer
takes it from there. A tensor without a list, or changed since, is scanned.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurosim.nn.cpu.events import scan
from neurosim.nn.ops.layout import empty, sample_major
from neurosim.nn.ops.threads import for_range

__all__ = ["Events", "attach", "attached", "events_of", "packed"]


@dataclass(frozen=True, eq=False)
class Events:
    """The non-zero entries of ``x [T, B, n]``, by sample, then step, then neuron.

    Attributes:
        row: int64 ``[B * T + 1]``; those of sample b and step t are entries ``row[b T + t]`` to ``row[b T + t + 1]``.
        neuron: uint32, one an entry.
        value: what x holds there, in its precision, or None: all are one.
        shape: (T, B, n).
    """

    row: NDArray[np.int64]
    neuron: NDArray[np.uint32]
    value: NDArray[Any] | None
    shape: tuple[int, int, int]

    @property
    def density(self) -> float:
        """Share of entries that are not zero."""
        return len(self.neuron) / max(1, self.shape[0] * self.shape[1] * self.shape[2])

    def arrays(self, dtype: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """row, neuron and value as kernels take them: value has no entries if all are one."""
        return self.row, self.neuron, np.empty(0, dtype) if self.value is None else self.value


class _Attached(NamedTuple):
    """What a tensor carries: the list, and what the tensor was like when it was made."""

    stamp: tuple[int, int]
    events: Events

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Copies and files leave it out; `torch.load` takes nothing but plain types."""
        return OrderedDict, ()


def _stamp(x: Tensor) -> tuple[int, int]:
    return x._version, x.data_ptr()


def attach(x: Tensor, events: Events) -> None:
    """Let ``x`` carry its list; a later change of x in place invalidates it.

    For those who make x. Changes that PyTorch does not count, through NumPy or ``x.data``, are not seen: a tensor of
    someone else's gets no list, since it may share the memory of an array that is filled anew for every batch.
    """
    if not x.is_inference():  # such tensors do not count their changes
        x.neurosim_events = _Attached(_stamp(x), events)  # type: ignore[attr-defined]


def attached(x: Tensor) -> Events | None:
    """The list that ``x`` carries, if x is what it was."""
    found = getattr(x, "neurosim_events", None)
    return found.events if isinstance(found, _Attached) and found.stamp == _stamp(x) else None


def events_of(x: Tensor, densest: float = 1.0) -> Events | None:
    """The list that ``x [T, B, n]`` carries, or a new one.

    Returns None where more than a share ``densest`` of the entries is not zero.
    """
    events = attached(x) or _scanned(x, densest)
    return events if events is not None and events.density <= densest else None


def _scanned(x: Tensor, densest: float) -> Events | None:
    xs = sample_major(x)
    samples, steps, n = xs.shape
    if (
        samples and np.count_nonzero(xs[0]) > 2 * densest * xs[0].size
    ):  # a look at one sample saves looking at all
        return None
    row, start = np.zeros((samples, steps), np.int64), np.zeros(samples, np.int64)
    # memory only where it is written
    neuron, value = empty((xs.size,), np.uint32), empty((xs.size,), xs.dtype)
    for_range(scan, samples, xs, row, start, neuron, value)
    return packed(row, start, neuron, value, (steps, samples, n))


def packed(
    row: NDArray[np.int64],
    start: NDArray[np.int64],
    neuron: NDArray[np.uint32],
    value: NDArray[Any] | None,
    shape: Sequence[int],
) -> Events:
    """One list of the lists that threads made, those of sample b from entry ``start [B]`` of theirs on.

    ``row [B, T]`` counts the entries of a sample up to and with a step.
    """
    steps, samples, n = shape
    counts = row[:, -1] if steps else np.zeros(samples, np.int64)
    before = np.concatenate([[0], np.cumsum(counts)])
    ends = np.zeros(row.size + 1, np.int64)
    np.add(row, before[:-1, None], out=ends[1:].reshape(row.shape))
    cuts = [0, *(np.flatnonzero(start[1:] != start[:-1] + counts[:-1]) + 1), samples] if samples else [0]
    parts = [slice(start[a], start[b - 1] + counts[b - 1]) for a, b in pairwise(cuts)]
    joined = np.concatenate([neuron[:0], *(neuron[p] for p in parts)])
    kept = None
    if value is not None and any((value[p] != 1).any() for p in parts):
        kept = np.concatenate([value[p] for p in parts])
    return Events(ends, joined, kept, (steps, samples, n))
