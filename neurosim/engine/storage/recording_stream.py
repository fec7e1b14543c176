"""Recordings written while the run goes on, in memory that does not grow.

While ``NAME`` is being written there is a folder ``NAME.part`` of pieces
(`neurosim.engine.storage.recording_pieces`). When the run ends, or is interrupted, they are joined to one file and the
folder is removed; `join_pieces` does it for a run that was killed.

The file, version 2 of a recording, is HDF5 with the items

- ``header``: JSON in bytes: ``format``, ``version``, ``dt``, ``steps``, ``samples``, ``dtype``, ``held`` (null, or the
  steps held of each sample), ``populations`` (each ``name``, ``shape``, ``every``, ``neurons``, ``variables``, and
  ``bin``: null without spikes, and ``counts``: whether there are any) and ``weights`` (names);
- ``populations/0/step``, ``neuron``: int32, of all spikes sorted by (sample, step, neuron); ``populations/0/index``:
  int64 [B, K + 1], where the spikes of a sample from step k ``bin`` on begin; the last column is where they end;
- ``populations/0/counts``: int64 [B, n], spikes of each neuron in the whole run;
- ``populations/0/variables/v``: [T', B, n], NaN where nothing was recorded; ``weights/0``: final weights [B, n].
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.engine.recording import Recording, State
from neurosim.engine.storage.array_file import write_header
from neurosim.engine.storage.recording_pieces import (
    begin_pieces,
    chunks_of,
    load_frame,
    part_path,
    write_piece,
)
from neurosim.engine.storage.recording_sink import Chunk, Frame, advance, partial
from neurosim.errors import DataError

__all__ = ["FORMAT", "VERSION", "FileSink", "join_pieces"]

FORMAT = "neurosim-recording"
VERSION = 2
_PENDING_BYTES = 16 * 2**20
_PENDING_SECONDS = 5.0
"""A piece is written once so many bytes have come, or so long after the one before it."""
_INDEX = 2**17
"""About as many entries an index has, if that many spikes are worth it."""


class FileSink:
    """Writes a recording to a file.

    Args:
        path: the file of the finished recording, replaced if it exists; pieces go to the folder ``path.part``.
        frame: what will be recorded.

    Raises:
        OSError: the folder cannot be written.
        DataError: something else than pieces of a recording stands in its place.
    """

    def __init__(self, path: str | os.PathLike[str], frame: Frame) -> None:
        self._path, self._part, self._frame = Path(path), part_path(path), frame
        self._lock = threading.Lock()
        self._held = np.zeros(frame.samples, np.int64)
        self._pending: list[Chunk] = []
        self._pending_bytes, self._pieces, self._written = 0, 0, time.monotonic()
        self._open = True
        begin_pieces(frame, self._part)

    def take(self, chunk: Chunk) -> None:
        with self._lock:
            self._require_open()
            advance(self._held, chunk)
            # what a trace shows may change once this returns, and a chunk may wait here for a while
            keys = ((n, v) for n in self._frame.record for v in self._frame.variables(n))
            traces = {key: np.array(chunk.traces[key], self._frame.dtype) for key in keys}
            self._pending.append(replace(chunk, traces=traces))
            self._pending_bytes += chunk.nbytes
            late = time.monotonic() - self._written > _PENDING_SECONDS
            if late or self._pending_bytes > _PENDING_BYTES:
                self._write()

    def _require_open(self) -> None:
        if not self._open:
            raise DataError("the recording is closed", where=str(self._path))

    def _write(self) -> None:
        chunks, self._pending, self._pending_bytes = self._pending, [], 0
        write_piece(chunks, self._frame, self._part, self._pieces)
        self._pieces += 1
        self._written = time.monotonic()

    def finish(
        self, state: State | None = None, weights: Mapping[str, NDArray[Any]] | None = None
    ) -> Recording:
        with self._lock:
            self._require_open()
            if self._pending:
                self._write()
            self._open = False
            recording = join_pieces(self._path, weights=weights)
        return replace(recording, final_state=state)

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                if self._pending:
                    self._write()


def join_pieces(
    path: str | os.PathLike[str], *, weights: Mapping[str, NDArray[Any]] | None = None
) -> Recording:
    """Make a recording's file of the pieces that a run has left in ``path.part``, and remove them.

    Memory holds one piece at a time.

    Raises:
        FileFormatError: there are none, or they are damaged.
    """
    from neurosim.engine.storage.recording_file import load_recording

    part = part_path(path)
    frame = load_frame(part)
    bins = {n: _bin(frame) for n in frame.record if frame.has_spikes(n)}
    counts = {n: np.zeros((frame.samples, -(-frame.steps // b) + 1), np.int64) for n, b in bins.items()}
    held = np.zeros(frame.samples, np.int64)
    for chunk in chunks_of(part, frame):
        advance(held, chunk)
        for n, b in bins.items():
            sample, step, _ = chunk.spikes[n]
            entry = (sample.astype(np.int64) + chunk.first_sample) * counts[n].shape[1] + step // b + 1
            counts[n] += np.bincount(entry, minlength=counts[n].size).reshape(counts[n].shape)
    missing, steps = partial(held, frame.steps)
    final = replace(frame, steps=steps)
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver=("v110", "v110")) as file:
        _write_header(file, final, missing, bins, weights or {})
        data = _data_sets(file, final, bins, counts)
        begins = {n: data[n, "index"][:, 0] for n in bins}
        for chunk in chunks_of(part, frame):
            _place(chunk, final, data, begins)
    shutil.rmtree(part)
    return load_recording(path)


def _bin(frame: Frame) -> int:
    """Steps between two entries of an index."""
    return max(64, -(-frame.steps * frame.samples // _INDEX))


def _write_header(
    file: h5py.File,
    f: Frame,
    held: NDArray[np.int64] | None,
    bins: Mapping[str, int],
    weights: Mapping[str, NDArray[Any]],
) -> None:
    parts = [
        {
            "name": name,
            "shape": f.shapes[name],
            "every": f.stride(name),
            "neurons": record.neurons,
            "variables": f.variables(name),
            "bin": bins.get(name),
            "counts": f.has_counts(name),
        }
        for name, record in f.record.items()
    ]
    head = {"dt": f.dt, "steps": f.steps, "samples": f.samples, "dtype": f.dtype.name}
    head["held"] = None if held is None else held.tolist()
    write_header(file, FORMAT, VERSION, {**head, "populations": parts, "weights": list(weights)})
    for i, values in enumerate(weights.values()):
        file[f"weights/{i}"] = np.asarray(values, np.float64)


def _data_sets(
    file: h5py.File, f: Frame, bins: Mapping[str, int], counts: Mapping[str, NDArray[np.int64]]
) -> dict[tuple[str, str], h5py.Dataset]:
    """Everything in its final size and in one stretch each; nothing is written yet except the indices."""
    data = {}
    for i, name in enumerate(f.record):
        group = file.create_group(f"populations/{i}")
        if name in bins:
            entries = counts[name][:, : -(-f.steps // bins[name]) + 1]
            ends = np.cumsum(entries.sum(axis=1))
            index = np.cumsum(entries, axis=1) + np.concatenate([[0], ends[:-1]])[: f.samples, None]
            data[name, "index"] = group.create_dataset("index", data=index.astype(np.int64))
            total = int(ends[-1]) if f.samples else 0
            for vector in ("step", "neuron"):
                data[name, vector] = group.create_dataset(vector, (total,), np.int32)
        if f.has_counts(name):
            none = np.zeros((f.samples, f.size(name)), np.int64)
            data[name, "counts"] = group.create_dataset("counts", data=none)
        for v in f.variables(name):
            shape = (f.rows(name, f.steps), f.samples, f.width(name))
            data[name, f"variables/{v}"] = group.create_dataset(
                f"variables/{v}", shape, f.dtype, fillvalue=np.nan
            )
    return data


def _place(
    chunk: Chunk,
    f: Frame,
    data: Mapping[tuple[str, str], h5py.Dataset],
    begins: Mapping[str, NDArray[np.int64]],
) -> None:
    """Write a chunk where it belongs; ``begins`` says where each sample's next spikes go."""
    for name, at in begins.items():
        sample, step, neuron = chunk.spikes[name]
        found, counts = np.unique(sample, return_counts=True)
        stops = np.cumsum(counts)
        for vector, values in (("step", step), ("neuron", neuron)):
            for s, stop, n in zip(found + chunk.first_sample, stops, counts, strict=True):
                data[name, vector][at[s] : at[s] + n] = values[stop - n : stop]
        at[found + chunk.first_sample] += counts
    for name, counts in chunk.counts.items():
        if counts.size:
            samples = slice(chunk.first_sample, chunk.stop_sample)
            data[name, "counts"][samples] = data[name, "counts"][samples] + counts
    for (name, variable), values in chunk.traces.items():
        rows = slice(f.rows(name, chunk.first), f.rows(name, chunk.stop))
        if values.size:
            data[name, f"variables/{variable}"][rows, chunk.first_sample : chunk.stop_sample] = values
