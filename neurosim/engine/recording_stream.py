"""Recordings written while the run goes on, in memory that does not grow.

While ``NAME`` is being written there is a folder ``NAME.part`` with ``frame.h5`` and pieces ``00000000.h5``,
``00000001.h5``, ..., each written whole or not at all (`neurosim.engine.array_file`): whatever becomes of the process,
what was written can be read. When the run ends, or is interrupted, they are joined to one file and the folder is
removed; `join_pieces` does it for a run that was killed.

The file, version 2 of a recording, is HDF5 with the items

- ``header``: JSON in bytes: ``format``, ``version``, ``dt``, ``steps``, ``samples``, ``dtype``, ``held`` (null, or the
  steps held of each sample), ``populations`` (each ``name``, ``shape``, ``every``, ``neurons``, ``variables``, and
  ``bin``: null without spikes) and ``weights`` (names);
- ``populations/0/step``, ``neuron``: int32, of all spikes sorted by (sample, step, neuron); ``populations/0/index``:
  int64 [B, K + 1], where the spikes of a sample from step k ``bin`` on begin; the last column is where they end;
- ``populations/0/variables/v``: [T', B, n], NaN where nothing was recorded; ``weights/0``: final weights [B, n].
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.engine.array_file import load_arrays, save_arrays, write_header
from neurosim.engine.recording import Record, Recording, State
from neurosim.engine.recording_sink import Chunk, Frame, advance, order_by_sample, partial
from neurosim.errors import DataError, FileFormatError

__all__ = ["FORMAT", "VERSION", "FileSink", "join_pieces", "part_path", "read_pieces"]

FORMAT = "neurosim-recording"
VERSION = 2
_PIECE = "neurosim-recording-piece"
_PENDING_BYTES = 16 * 2**20
_PENDING_SECONDS = 5.0
"""A piece is written once so many bytes have come, or so long after the one before it."""
_INDEX = 2**17
"""About as many entries an index has, if that many spikes are worth it."""


def part_path(path: str | os.PathLike[str]) -> Path:
    """The folder of a recording whose run goes on, or was killed."""
    final = Path(path)
    return final.with_name(final.name + ".part")


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
        if self._part.exists():
            _remove(self._part)
        self._part.mkdir()
        _save_frame(frame, self._part / "frame.h5")

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
        content = [
            {
                "first": c.first,
                "stop": c.stop,
                "first_sample": c.first_sample,
                "samples": c.samples,
                "spikes": {n: list(c.spikes[n]) for n in self._frame.record if self._frame.has_spikes(n)},
                "traces": [[name, variable, values] for (name, variable), values in c.traces.items()],
            }
            for c in _merged(chunks)
        ]
        save_arrays(content, self._part / f"{self._pieces:08}.h5", _PIECE, 1)
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


def _merged(chunks: list[Chunk]) -> list[Chunk]:
    """One chunk a range of samples: fewer and larger arrays are written and read faster."""
    by_range: dict[int, list[Chunk]] = {}
    for c in chunks:
        by_range.setdefault(c.first_sample, []).append(c)
    merged = []
    for parts in by_range.values():
        spikes = {}
        for name in parts[0].spikes:
            sample, step, neuron = (
                np.concatenate(v) for v in zip(*(c.spikes[name] for c in parts), strict=True)
            )
            order = order_by_sample(sample)
            spikes[name] = (sample[order], step[order], neuron[order])
        traces = {key: np.concatenate([c.traces[key] for c in parts]) for key in parts[0].traces}
        merged.append(replace(parts[0], stop=parts[-1].stop, spikes=spikes, traces=traces))
    return merged


# --- pieces


def _save_frame(f: Frame, path: Path) -> None:
    record = {
        n: {"variables": r.variables, "every": r.every, "neurons": r.neurons} for n, r in f.record.items()
    }
    content = {"dt": f.dt, "steps": f.steps, "samples": f.samples, "dtype": f.dtype.name}
    save_arrays({**content, "record": record, "shapes": dict(f.shapes)}, path, _PIECE, 1)


def _load_frame(part: Path) -> Frame:
    content = load_arrays(part / "frame.h5", _PIECE, 1)
    try:
        record = {
            n: Record(*r["variables"], every=r["every"], neurons=r["neurons"])
            for n, r in content["record"].items()
        }
        shapes = {n: tuple(s) for n, s in content["shapes"].items()}
        sizes = {"dt": content["dt"], "steps": content["steps"], "samples": content["samples"]}
        return Frame(**sizes, record=record, shapes=shapes, dtype=np.dtype(content["dtype"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError("holds no frame", where=str(part)) from error


def _chunks(part: Path, frame: Frame) -> Iterator[Chunk]:
    for i, path in enumerate(sorted(part.glob("[0-9]*.h5"))):
        if path.name != f"{i:08}.h5":
            raise FileFormatError("a piece is missing", where=str(part), value=path.name, limit=f"{i:08}.h5")
        for c in load_arrays(path, _PIECE, 1):
            try:
                traces = {(name, variable): values for name, variable, values in c.pop("traces")}
                spikes = {name: tuple(vectors) for name, vectors in c.pop("spikes").items()}
                chunk = Chunk(spikes=spikes, traces=traces, **c)
                _check(chunk, frame)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise FileFormatError("holds no chunk of this run", where=str(path)) from error
            yield chunk


def _check(c: Chunk, f: Frame) -> None:
    """Raise ValueError for what no run has written: sizes and indices that do not fit."""
    whole = all(type(n) is int for n in (c.first, c.stop, c.first_sample, c.samples))
    valid = whole and 0 <= c.first <= c.stop <= f.steps and c.samples >= 0
    valid &= c.first_sample >= 0 and c.stop_sample <= f.samples
    for name in f.record:
        if f.has_spikes(name):
            limits = ((0, c.samples), (c.first, c.stop), (0, int(np.prod(f.shapes[name]))))
            for v, (low, high) in zip(c.spikes[name], limits, strict=True):
                fits = v.dtype == np.int32 and v.shape == c.spikes[name][0].shape == (v.size,)
                valid &= fits and (not v.size or (v.min() >= low and v.max() < high))
        for variable in f.variables(name):
            shape = (f.rows(name, c.stop) - f.rows(name, c.first), c.samples, f.width(name))
            valid &= c.traces[name, variable].shape == shape
    if not valid:
        raise ValueError("sizes or indices out of range")


def read_pieces(part: Path) -> Recording:
    """What a run that was killed, or goes on, has written so far, in memory.

    Raises:
        FileFormatError: the folder is not one of pieces, or a piece is damaged.
    """
    from neurosim.engine.recording_sink import MemorySink

    frame = _load_frame(part)
    sink = MemorySink(frame)
    for chunk in _chunks(part, frame):
        sink.take(chunk)
    return sink.finish()


def _remove(part: Path) -> None:
    if not (part / "frame.h5").is_file() and any(part.iterdir()):
        raise DataError(
            "is in the way",
            where=str(part),
            remedy="It is not part of a recording: move it, or write elsewhere",
        )
    shutil.rmtree(part)


# --- the file


def join_pieces(
    path: str | os.PathLike[str], *, weights: Mapping[str, NDArray[Any]] | None = None
) -> Recording:
    """Make a recording's file of the pieces that a run has left in ``path.part``, and remove them.

    Memory holds one piece at a time.

    Raises:
        FileFormatError: there are none, or they are damaged.
    """
    from neurosim.engine.recording_file import load_recording

    part = part_path(path)
    frame = _load_frame(part)
    bins = {n: _bin(frame) for n in frame.record if frame.has_spikes(n)}
    counts = {n: np.zeros((frame.samples, -(-frame.steps // b) + 1), np.int64) for n, b in bins.items()}
    held = np.zeros(frame.samples, np.int64)
    for chunk in _chunks(part, frame):
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
        for chunk in _chunks(part, frame):
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
        order = order_by_sample(sample)
        found, counts = np.unique(sample, return_counts=True)
        stops = np.cumsum(counts)
        for vector, values in (("step", step[order]), ("neuron", neuron[order])):
            for s, stop, n in zip(found + chunk.first_sample, stops, counts, strict=True):
                data[name, vector][at[s] : at[s] + n] = values[stop - n : stop]
        at[found + chunk.first_sample] += counts
    for (name, variable), values in chunk.traces.items():
        rows = slice(f.rows(name, chunk.first), f.rows(name, chunk.stop))
        if values.size:
            data[name, f"variables/{variable}"][rows, chunk.first_sample : chunk.stop_sample] = values
