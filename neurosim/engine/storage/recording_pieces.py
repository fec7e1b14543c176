"""The pieces of a recording that is being written: a folder with ``frame.h5`` and ``00000000.h5``, ``00000001.h5``, ...

Each file is written whole or not at all (`neurosim.engine.storage.array_file`), so whatever becomes of the process,
what was written can be read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurosim.engine.recording import Record, Recording
from neurosim.engine.storage.array_file import load_arrays, save_arrays
from neurosim.engine.storage.recording_sink import Chunk, Frame, MemorySink, joined_spikes
from neurosim.errors import DataError, FileFormatError

__all__ = ["begin_pieces", "chunks_of", "load_frame", "part_path", "read_pieces", "write_piece"]

PIECE = "neurosim-recording-piece"


def part_path(path: str | os.PathLike[str]) -> Path:
    """The folder of a recording whose run goes on, or was killed."""
    final = Path(path)
    return final.with_name(final.name + ".part")


def begin_pieces(f: Frame, part: Path) -> None:
    """Make the folder, in the place of what an earlier run has left there.

    Raises:
        DataError: something else than pieces of a recording stands in its place.
    """
    if part.exists():
        if not (part / "frame.h5").is_file() and any(part.iterdir()):
            raise DataError(
                "is in the way",
                where=str(part),
                remedy="It is not part of a recording: move it, or write elsewhere",
            )
        shutil.rmtree(part)
    part.mkdir()
    record = {
        n: {"variables": r.variables, "every": r.every, "neurons": r.neurons} for n, r in f.record.items()
    }
    content = {"dt": f.dt, "steps": f.steps, "samples": f.samples, "dtype": f.dtype.name}
    save_arrays({**content, "record": record, "shapes": dict(f.shapes)}, part / "frame.h5", PIECE, 1)


def write_piece(chunks: list[Chunk], frame: Frame, part: Path, number: int) -> None:
    """Write some chunks, whole or not at all."""
    content = [
        {
            "first": c.first,
            "stop": c.stop,
            "first_sample": c.first_sample,
            "samples": c.samples,
            "spikes": {n: list(c.spikes[n]) for n in frame.record if frame.has_spikes(n)},
            "counts": dict(c.counts),
            "traces": [[name, variable, values] for (name, variable), values in c.traces.items()],
        }
        for c in _merged(chunks)
    ]
    save_arrays(content, part / f"{number:08}.h5", PIECE, 1)


def load_frame(part: Path) -> Frame:
    """What the run was going to record.

    Raises:
        FileFormatError: the folder is not one of pieces, or the file is damaged.
    """
    content = load_arrays(part / "frame.h5", PIECE, 1)
    try:
        record = {
            n: Record(*r["variables"], every=r["every"], neurons=r["neurons"])
            for n, r in content["record"].items()
        }
        shapes = {n: tuple(s) for n, s in content["shapes"].items()}
        sizes = {"dt": content["dt"], "steps": content["steps"], "samples": content["samples"]}
        if not (0 <= sizes["steps"] < 2**31 and 0 <= sizes["samples"] < 2**31):
            raise ValueError("sizes out of range")
        return Frame(**sizes, record=record, shapes=shapes, dtype=np.dtype(content["dtype"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError("holds no frame", where=str(part)) from error


def chunks_of(part: Path, frame: Frame) -> Iterator[Chunk]:
    """All chunks, checked against the frame, in the order in which they were written.

    Raises:
        FileFormatError: a piece is missing or damaged.
    """
    for i, path in enumerate(sorted(part.glob("[0-9]*.h5"))):
        if path.name != f"{i:08}.h5":
            raise FileFormatError("a piece is missing", where=str(part), value=path.name, limit=f"{i:08}.h5")
        for c in load_arrays(path, PIECE, 1):
            try:
                traces = {(name, variable): values for name, variable, values in c.pop("traces")}
                spikes = {name: tuple(vectors) for name, vectors in c.pop("spikes").items()}
                chunk = Chunk(spikes=spikes, traces=traces, **c)  # counts where there are any
                _check(chunk, frame)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise FileFormatError("holds no chunk of this run", where=str(path)) from error
            yield chunk


def _merged(chunks: list[Chunk]) -> list[Chunk]:
    """One chunk a range of samples: fewer and larger arrays are written and read faster."""
    by_range: dict[int, list[Chunk]] = {}
    for c in chunks:
        by_range.setdefault(c.first_sample, []).append(c)
    merged = []
    for parts in by_range.values():
        spikes = {name: joined_spikes([c.spikes[name] for c in parts]) for name in parts[0].spikes}
        counts = {name: np.sum([c.counts[name] for c in parts], axis=0) for name in parts[0].counts}
        traces = {key: np.concatenate([c.traces[key] for c in parts]) for key in parts[0].traces}
        merged.append(replace(parts[0], stop=parts[-1].stop, spikes=spikes, counts=counts, traces=traces))
    return merged


def _check(c: Chunk, f: Frame) -> None:
    """Raise ValueError for what no run has written: sizes and indices that do not fit."""
    whole = all(type(n) is int for n in (c.first, c.stop, c.first_sample, c.samples))
    valid = whole and 0 <= c.first <= c.stop <= f.steps and c.samples >= 0
    valid &= c.first_sample >= 0 and c.stop_sample <= f.samples
    for name in f.record:
        if f.has_spikes(name):
            limits = ((0, c.samples), (c.first, c.stop), (0, f.size(name)))
            for v, (low, high) in zip(c.spikes[name], limits, strict=True):
                fits = v.dtype == np.int32 and v.shape == c.spikes[name][0].shape == (v.size,)
                valid &= fits and (not v.size or (v.min() >= low and v.max() < high))
            sample, step, neuron = c.spikes[name] if valid else (np.zeros(0, np.int32),) * 3
            cell = (sample.astype(np.int64) * f.steps + step) * f.size(name) + neuron
            valid &= not (np.diff(cell) <= 0).any()
        if f.has_counts(name):
            found = c.counts[name]
            fits = found.dtype == np.int64 and found.shape == (c.samples, f.size(name))
            valid &= fits and (not found.size or found.min() >= 0)
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
    frame = load_frame(part)
    sink = MemorySink(frame)
    for chunk in chunks_of(part, frame):
        sink.take(chunk)
    return sink.finish()
