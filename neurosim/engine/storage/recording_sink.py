"""Where a run puts what it records: chunks of steps, as they come, are gathered in memory or written to a file.

A run announces itself by a `Frame`, hands over a `Chunk` whenever some steps of a range of samples are done, from any
thread, and ends with `finish`, also when it was cut short. The chunks of one range of samples follow each other in
time; those of different ranges come in any order.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import PopulationRecording, Record, Recording, State
from neurosim.errors import CapacityError, DataError
from neurosim.spikes import Spikes

__all__ = ["Chunk", "Frame", "MemorySink", "Sink", "sink_for"]

Int32 = NDArray[np.int32]

_WORTH_SLICING = 32
"""Spikes a sample and chunk from which on chunks are joined slice by slice, ten times as fast as by sorting."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a run is going to record.

    Attributes:
        dt, steps, samples: the run.
        record: population -> what to record of it, in the order in which the recording lists them.
        shapes: shape of each of these populations.
        dtype: type of recorded variables (float64 or float32).
        weights: plastic projection -> number of synapses, of which the final weights are kept.
    """

    dt: float
    steps: int
    samples: int
    record: Mapping[str, Record]
    shapes: Mapping[str, tuple[int, ...]]
    dtype: np.dtype[Any] = np.dtype(np.float64)  # noqa: RUF009  (dtypes are immutable)
    weights: Mapping[str, int] = field(default_factory=dict)

    def stride(self, name: str) -> int:
        """Steps between recorded states of a population."""
        return self.record[name].stride(self.dt)

    def width(self, name: str) -> int:
        """Neurons of a population whose state is recorded."""
        chosen = self.record[name].neurons
        return self.size(name) if chosen is None else len(chosen)

    def variables(self, name: str) -> tuple[str, ...]:
        """Recorded state variables of a population."""
        return self.record[name].states

    def has_spikes(self, name: str) -> bool:
        return "spikes" in self.record[name].variables

    def has_counts(self, name: str) -> bool:
        return "counts" in self.record[name].variables

    def size(self, name: str) -> int:
        """Neurons of a population."""
        return math.prod(self.shapes[name])

    def rows(self, name: str, steps: int) -> int:
        """How many states of a population are recorded in the first ``steps`` steps."""
        return -(-steps // self.stride(name))

    def shaped(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """[T', B, n] as [T', B, *shape]; unchanged where neurons were chosen."""
        if self.record[name].neurons is not None:
            return values
        return values.reshape(*values.shape[:2], *self.shapes[name])


@dataclass(frozen=True, eq=False, kw_only=True)
class Chunk:
    """What was recorded of a range of samples in steps ``first`` to ``stop`` of the run.

    The arrays belong to whoever takes the chunk; ``traces`` may be overwritten after that.

    Attributes:
        first, stop: steps, counted from the start of this run.
        spikes: population -> int32 vectors (sample, step, neuron), sorted by (sample, step, neuron); samples count from
            ``first_sample``, steps from the start of the run.
        counts: population -> int64 [samples, n], the spikes of those steps.
        traces: (population, variable) -> [T', samples, n], the states of those steps that are recorded.
        first_sample, samples: the range.
    """

    first: int
    stop: int
    spikes: Mapping[str, tuple[Int32, ...]] = field(default_factory=dict)
    counts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    traces: Mapping[tuple[str, str], NDArray[Any]] = field(default_factory=dict)
    first_sample: int = 0
    samples: int = 1

    @property
    def stop_sample(self) -> int:
        return self.first_sample + self.samples

    @property
    def nbytes(self) -> int:
        vectors = [v for s in self.spikes.values() for v in s]
        arrays: list[NDArray[Any]] = [*vectors, *self.counts.values(), *self.traces.values()]
        return sum(a.nbytes for a in arrays)


class Sink(Protocol):
    """Takes the chunks of one run, from any thread."""

    def take(self, chunk: Chunk) -> None:
        """Keep a chunk. Raises DataError if it does not follow the one before it of the same samples."""

    def finish(
        self, state: State | None = None, weights: Mapping[str, NDArray[Any]] | None = None
    ) -> Recording:
        """End the run, whether all chunks came or not. What is missing shows in `Recording.held`."""

    def close(self) -> None:
        """Give up without a recording, after an error; a file stays readable. Nothing happens after `finish`."""


def sink_for(frame: Frame, to: str | os.PathLike[str] | None) -> Sink:
    """A `FileSink` where a path is given, else a `MemorySink`."""
    if to is None:
        return MemorySink(frame)
    from neurosim.engine.storage.recording_stream import FileSink

    return FileSink(to, frame)


class MemorySink:
    """Gathers a recording in memory. States go to their place at once, so nothing is held twice.

    Raises:
        CapacityError: the recorded variables cannot be allocated.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame, self._lock = frame, threading.Lock()
        self._held = np.zeros(frame.samples, np.int64)
        self._spikes: dict[str, dict[int, list[tuple[Int32, ...]]]] = {
            name: {} for name in frame.record if frame.has_spikes(name)
        }
        self._counts: dict[str, dict[int, NDArray[np.int64]]] = {
            name: {} for name in frame.record if frame.has_counts(name)
        }
        self._traces: dict[tuple[str, str], NDArray[Any]] = {}
        for name in frame.record:
            for variable in frame.variables(name):
                shape = (frame.rows(name, frame.steps), frame.samples, frame.width(name))
                self._traces[name, variable] = _allocated(shape, frame.dtype, f"{name!r}, {variable}")

    def take(self, chunk: Chunk) -> None:
        f = self._frame
        with self._lock:
            advance(self._held, chunk)
            for name, by_range in self._spikes.items():
                by_range.setdefault(chunk.first_sample, []).append(chunk.spikes[name])
            for name, counted in self._counts.items():
                if chunk.first_sample in counted:
                    counted[chunk.first_sample] += chunk.counts[name]
                else:
                    counted[chunk.first_sample] = chunk.counts[name]
        for (name, variable), values in self._traces.items():
            rows = slice(f.rows(name, chunk.first), f.rows(name, chunk.stop))
            values[rows, chunk.first_sample : chunk.stop_sample] = chunk.traces[name, variable]

    def finish(
        self, state: State | None = None, weights: Mapping[str, NDArray[Any]] | None = None
    ) -> Recording:
        f = self._frame
        held, steps = partial(self._held, f.steps)
        parts = {}
        for name, record in f.record.items():
            spikes = self._spikes_of(name, steps) if name in self._spikes else None
            variables = {}
            for v in f.variables(name):
                values = self._traces[name, v][: f.rows(name, steps)]
                if held is not None:
                    blank_missing(values, 0, held, f.stride(name))
                variables[v] = f.shaped(name, values)
            counts = self._counts_of(name) if name in self._counts else None
            parts[name] = PopulationRecording(spikes, variables, f.stride(name), record.neurons, counts)
        return Recording(parts, f.dt, steps, f.samples, state, weights=weights or {}, held=held)

    def close(self) -> None:
        """Nothing to close."""

    def _spikes_of(self, name: str, steps: int) -> Spikes:
        f, found = self._frame, []
        for first, chunks in sorted(self._spikes[name].items()):
            sample, step, neuron = joined_spikes(chunks)
            found.append((sample + np.int32(first) if first else sample, step, neuron))
        self._spikes[name].clear()
        sample, step, neuron = concatenated(found)
        return Spikes.trusted(
            sample, step, neuron, shape=f.shapes[name], dt=f.dt, steps=steps, samples=f.samples
        )

    def _counts_of(self, name: str) -> NDArray[np.int64]:
        f, found = self._frame, self._counts[name]
        counts = found.pop(0, None)
        if counts is None or len(counts) < f.samples:
            whole = np.zeros((f.samples, f.size(name)), np.int64)  # of samples that never ran there is none
            for first, part in [(0, counts), *found.items()]:
                if part is not None:
                    whole[first : first + len(part)] = part
            counts = whole
        found.clear()
        return counts.reshape(f.samples, *f.shapes[name])


def _allocated(shape: tuple[int, ...], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError) as error:
        raise CapacityError(
            "the recording does not fit into memory",
            where=what,
            value=f"{shape[0]} states of {shape[1]} samples of {shape[2]} neurons",
            remedy="Write it to a file (to=), or record fewer neurons or at longer intervals",
        ) from error


def advance(held: NDArray[np.int64], chunk: Chunk) -> None:
    """Count the steps of a chunk as held.

    Raises:
        DataError: samples that there are not, or steps that do not follow those held.
    """
    if not 0 <= chunk.first_sample <= chunk.stop_sample <= len(held):
        raise DataError(
            "samples out of range",
            where="Chunk",
            value=(chunk.first_sample, chunk.stop_sample),
            limit=len(held),
        )
    mine = held[chunk.first_sample : chunk.stop_sample]
    if chunk.stop < chunk.first or (mine != chunk.first).any():
        raise DataError(
            "does not follow the chunk before it",
            where="Chunk",
            value=(chunk.first, chunk.stop),
            limit=f"from step {mine.tolist()[:4]} on",
        )
    mine[:] = chunk.stop


def partial(held: NDArray[np.int64], steps: int) -> tuple[NDArray[np.int64] | None, int]:
    """What a recording says of a run of which so many steps of each sample are there: ``held`` and ``steps``."""
    if (held >= steps).all():
        return None, steps
    return held.copy(), int(held.max())


def blank_missing(values: NDArray[Any], first_row: int, held: NDArray[np.int64], every: int) -> None:
    """Make NaN of what is not held, in rows of states ``every`` so many steps, from row ``first_row`` of the run on."""
    rows = -(-held // every) - first_row
    for sample in np.nonzero(rows < len(values))[0]:
        values[max(int(rows[sample]), 0) :, sample] = np.nan


def concatenated(found: Sequence[tuple[Int32, ...]]) -> tuple[Int32, ...]:
    """Vectors (sample, step, neuron) one after the other; those there are, where there is one triple."""
    if len(found) == 1:
        return found[0]
    return tuple(map(np.concatenate, zip((np.zeros(0, np.int32),) * 3, *found, strict=True)))


def joined_spikes(chunks: Sequence[tuple[Int32, ...]]) -> tuple[Int32, ...]:
    """The spikes (sample, step, neuron) of chunks that follow each other in time, as those of one chunk."""
    last = max((int(c[0][-1]) for c in chunks if c[0].size), default=0)
    if len(chunks) == 1 or last == 0:
        return concatenated(chunks)  # sorted by sample already
    if _WORTH_SLICING * len(chunks) * last > sum(c[0].size for c in chunks):
        vectors = concatenated(chunks)
        order = np.argsort(vectors[0], kind="stable")
        return tuple(v[order] for v in vectors)
    ends = [np.searchsorted(c[0], np.arange(last + 2, dtype=np.int32)).tolist() for c in chunks]
    pieces = [(c, slice(*e[s : s + 2])) for s in range(last + 1) for c, e in zip(chunks, ends, strict=True)]
    return tuple(np.concatenate([c[i][piece] for c, piece in pieces]) for i in range(3))
