"""The buffers into which a run records the spikes of a population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.ops.driver import BLOCK
from neurosim.engine.ops.record_op import RECORD_TABLE
from neurosim.engine.ops.spike_list import SpikeList
from neurosim.engine.recording import Record

__all__ = ["RecordedSpikes"]

Vectors = tuple[NDArray[np.int32], ...]

_SPIKES = 1 << 18
"""Recorded spikes are handed on when there are about this many."""


class RecordedSpikes:
    """Vectors of spikes, or counts, or both, and the table by which the compiled op finds them.

    Args:
        record: says which.
        source: the lists of the population's spikes.
        size, samples: neurons and samples.
        origin: step that counts as 0.
        status: address of the status of the run, where a full buffer is told.
    """

    def __init__(
        self, record: Record, source: SpikeList, size: int, samples: int, origin: int, status: int
    ) -> None:
        self.keeps, self.counts = "spikes" in record.variables, "counts" in record.variables
        self.table = np.zeros(len(RECORD_TABLE), np.int64)
        self._capacity = BLOCK * size + _SPIKES
        self.table[:5] = [*source.entries()[:4], size]
        self.table[8:12] = 0, self._capacity, origin, status
        self._shape = samples, size
        self._vectors: Vectors | None = None
        self._counts: NDArray[np.int64] | None = None

    def prepare(self) -> None:
        """Take new buffers in the place of those that were handed over."""
        if self.keeps and self._vectors is None:
            self._vectors = tuple(np.empty(self._capacity, np.int32) for _ in range(3))
            self.table[5:8] = [v.ctypes.data for v in self._vectors]
        if self.counts and self._counts is None:
            self._counts = np.zeros(self._shape, np.int64)
            self.table[12] = self._counts.ctypes.data

    def take_spikes(self) -> Vectors:
        """Vectors (sample, step, neuron) of the spikes since this was last called."""
        assert self._vectors is not None
        filled = int(self.table[8])
        found = tuple(v[:filled] for v in self._vectors)
        self.table[8] = 0
        if 4 * filled < self._capacity:  # a copy takes far less memory than the whole buffer
            return tuple(v.copy() for v in found)
        self._vectors = None
        return found

    def take_counts(self) -> NDArray[np.int64]:
        """Counts [samples, size] of the spikes since this was last called."""
        assert self._counts is not None
        found, self._counts = self._counts, None
        return found
