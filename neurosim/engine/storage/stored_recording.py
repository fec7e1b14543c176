"""Reading recordings that were written while the run went on (`neurosim.engine.storage.recording_stream`).

Only the header is read at first; spikes and variables are when they are asked for, each with the file opened anew and
its sizes checked, so that a recording holds no file open.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import PopulationRecording, Recording, counts_of, rows_between
from neurosim.engine.storage.array_file import read_header
from neurosim.engine.storage.recording_stream import FORMAT, VERSION
from neurosim.errors import DataError, FileFormatError, ShapeError
from neurosim.network_file import StoredSizes, open_file
from neurosim.spikes import Spikes

__all__ = ["StoredPopulation", "load_stored"]

_STRETCH = 2**20
"""Spikes that are read at once where all are only counted."""
_LIMIT = 2**40
"""Bytes that the data sets of one reading may declare; each is also checked against what the file stores."""


def load_stored(path: str | os.PathLike[str]) -> Recording:
    """A recording that reads its file when it is asked for something.

    Raises:
        FileFormatError: the file is missing, damaged, foreign, or of a newer version.
    """
    stored = Stored(Path(path))
    parts: dict[str, PopulationRecording] = {
        p["name"]: StoredPopulation(stored, i) for i, p in enumerate(stored.populations)
    }
    if len(parts) != len(stored.populations):
        raise FileFormatError("names a population twice", where=str(path))
    lag = dict.fromkeys(parts, 0)
    return Recording(
        parts, stored.dt, stored.steps, stored.samples, weights=stored.weights, held=stored.held, lag=lag
    )


class Stored:
    """The header of a file, and what it holds of one population in a range of steps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as (file, sizes):
            header = read_header(file, sizes, FORMAT, VERSION)
            self.dt, self.dtype = float(header["dt"]), np.dtype(str(header["dtype"]))
            self.steps, self.samples = int(header["steps"]), int(header["samples"])
            self.populations = [_population(p) for p in header["populations"]]
            valid = self.dtype in (np.float32, np.float64) and self.dt > 0
            if not valid or min(self.steps, self.samples) < 0:
                raise ValueError("an invalid header")
            self.held = None if header["held"] is None else np.array(header["held"], np.int64)
            if self.held is not None and self.held.shape != (self.samples,):
                raise ValueError("an invalid header")
            self.weights: dict[str, NDArray[np.float64]] = {
                str(name): np.asarray(self._data(file, sizes, f"weights/{i}", np.float64)[()])
                for i, name in enumerate(header["weights"])
            }
            for i, p in enumerate(self.populations):
                for name, dtype in (("step", np.int32), ("neuron", np.int32), ("index", np.int64)):
                    if p["bin"] is not None:
                        self._data(file, sizes, f"populations/{i}/{name}", dtype)
                if p["counts"]:
                    self._data(file, sizes, f"populations/{i}/counts", np.int64)
                for v in p["variables"]:
                    self._data(file, sizes, f"populations/{i}/variables/{v}", self.dtype)

    @contextmanager
    def _open(self) -> Iterator[tuple[h5py.File, StoredSizes]]:
        with open_file(self.path) as file:
            try:
                yield file, StoredSizes(str(self.path), self.path.stat().st_size, _LIMIT)
            except (DataError, ShapeError, AttributeError, IndexError, MemoryError) as error:
                if isinstance(error, FileFormatError):
                    raise
                raise FileFormatError(f"holds invalid values: {error}", where=str(self.path)) from error

    def _data(self, file: h5py.File, sizes: StoredSizes, name: str, dtype: Any) -> h5py.Dataset:
        found: Any = file
        for part in name.split("/"):
            found = sizes.child(found, part)
        if not isinstance(found, h5py.Dataset) or found.dtype != dtype:
            raise TypeError(f"{name} is not an array of {np.dtype(dtype)}")
        sizes.check(found)
        return found

    def spikes(self, i: int, start: int, stop: int) -> Spikes:
        """Spikes of a population in steps ``start`` to ``stop``, counted from ``start``."""
        part = self.populations[i]
        with self._open() as (file, sizes):
            step = self._data(file, sizes, f"populations/{i}/step", np.int32)
            neuron = self._data(file, sizes, f"populations/{i}/neuron", np.int32)
            index = np.asarray(self._data(file, sizes, f"populations/{i}/index", np.int64)[()])
            if index.shape != (self.samples, -(-self.steps // part["bin"]) + 1):
                raise ShapeError("index", value=index.shape)
            edges = np.concatenate([[0], index[:, -1]])  # where a sample ends the next begins
            if (index[:, 0] != edges[:-1]).any() or edges[-1] != len(step) or (np.diff(index) < 0).any():
                raise DataError("an index out of order")
            last = index.shape[1] - 1
            begins = index[:, min(start // part["bin"], last)]
            ends = index[:, min(-(-stop // part["bin"]), last)]
            sample = np.repeat(np.arange(self.samples, dtype=np.int32), ends - begins)
            vectors = [sample, *(_joined(data, begins, ends) for data in (step, neuron))]
            inside = (vectors[1] >= start) & (vectors[1] < stop)
            if not inside.all():
                if (start, stop) == (0, self.steps):
                    raise DataError("spikes outside the run")
                vectors = [v[inside] for v in vectors]
            vectors[1] = vectors[1] - np.int32(start)
            frame = {"dt": self.dt, "steps": stop - start, "samples": self.samples}
            return Spikes(*vectors, shape=part["shape"], **frame)  # type: ignore[arg-type]

    def counts(self, i: int) -> NDArray[np.int64]:
        """Counts of a population in the whole run, [B, *shape]."""
        shape = self.populations[i]["shape"]
        with self._open() as (file, sizes):
            data = self._data(file, sizes, f"populations/{i}/counts", np.int64)
            if data.shape != (self.samples, math.prod(shape)):
                raise ShapeError("counts", value=data.shape)
            counts = np.asarray(data[()])
            if counts.size and counts.min() < 0:
                raise DataError("counts below 0")
        return counts.reshape(self.samples, *shape)

    def spike_counts(self, i: int) -> NDArray[np.int64]:
        """Spikes of each sample and neuron, [B, n], read a stretch at a time."""
        size = int(np.prod(self.populations[i]["shape"], dtype=np.int64))
        total = np.zeros(self.samples * size, np.int64)
        with self._open() as (file, sizes):
            neuron = self._data(file, sizes, f"populations/{i}/neuron", np.int32)
            index = self._data(file, sizes, f"populations/{i}/index", np.int64)
            ends = np.asarray(index[:, -1])
            for start in range(0, len(neuron), _STRETCH):
                found = neuron[start : start + _STRETCH]
                sample = np.searchsorted(ends, np.arange(start, start + len(found)), side="right")
                if found.min() < 0 or found.max() >= size or sample.max() >= self.samples:
                    raise DataError("spikes outside the population")
                total += np.bincount(sample * size + found, minlength=total.size)
        return total.reshape(self.samples, size)

    def variable(self, i: int, name: str, start: int, stop: int) -> NDArray[Any]:
        """A variable of a population in steps ``start`` to ``stop``."""
        part = self.populations[i]
        first, last = rows_between(start, stop, part["every"])
        chosen = part["neurons"]
        width = int(np.prod(part["shape"], dtype=object)) if chosen is None else len(chosen)
        with self._open() as (file, sizes):
            data = self._data(file, sizes, f"populations/{i}/variables/{name}", self.dtype)
            if data.shape != (-(-self.steps // part["every"]), self.samples, width):
                raise ShapeError("variable", value=data.shape)
            values = np.asarray(data[first:last])
        return values.reshape(*values.shape[:2], *part["shape"]) if chosen is None else values


def _joined(data: h5py.Dataset, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """Several ranges of a vector; those that touch are read at once."""
    if not len(begins):
        return np.zeros(0, np.int32)
    new = np.append(True, begins[1:] != ends[:-1])
    pairs = zip(begins[new].tolist(), ends[np.append(new[1:], True)].tolist(), strict=True)
    return np.concatenate([data[a:b] for a, b in pairs])


def _population(p: Any) -> dict[str, Any]:
    """The entry of a population in the header, with the right types."""
    chosen = None if p["neurons"] is None else tuple(int(n) for n in p["neurons"])
    shape, every = tuple(int(n) for n in p["shape"]), int(p["every"])
    variables = tuple(str(v) for v in p["variables"])
    bins = None if p["bin"] is None else int(p["bin"])
    valid = every >= 1 and (bins is None or bins >= 1) and min(shape, default=0) >= 0
    if not valid or any("/" in v or v in ("", ".") for v in variables):
        raise ValueError("an invalid population")
    kept = {"every": every, "neurons": chosen, "variables": variables, "bin": bins}
    counts = bool(p.get("counts", False))  # which older versions did not record
    return {"name": str(p["name"]), "shape": shape, "counts": counts, **kept}


class StoredPopulation(PopulationRecording):
    """Recording of one population, read from the file when it is asked for, then kept."""

    def __init__(self, stored: Stored, index: int) -> None:
        part = stored.populations[index]
        put = object.__setattr__
        put(self, "_stored", stored)
        put(self, "_index", index)
        put(self, "variables", _StoredVariables(stored, index))
        put(self, "every", part["every"])
        put(self, "neurons", part["neurons"])

    @cached_property
    def spikes(self) -> Spikes | None:
        stored, index = self._place()
        return None if stored.populations[index]["bin"] is None else stored.spikes(index, 0, stored.steps)

    @cached_property
    def counts(self) -> NDArray[np.int64] | None:
        stored, index = self._place()
        return stored.counts(index) if stored.populations[index]["counts"] else None

    @property
    def recorded(self) -> tuple[str, ...]:
        stored, index = self._place()
        part = stored.populations[index]
        there = {"spikes": part["bin"] is not None, "counts": part["counts"]}
        return (*(name for name, found in there.items() if found), *part["variables"])

    def spike_counts(self) -> NDArray[np.int64] | None:
        stored, index = self._place()
        if stored.populations[index]["counts"]:
            return super().spike_counts()
        return None if stored.populations[index]["bin"] is None else stored.spike_counts(index)

    def between(self, start: int, stop: int) -> PopulationRecording:
        stored, index = self._place()
        part = stored.populations[index]
        values = {v: stored.variable(index, v, start, stop) for v in part["variables"]}
        spikes = None if part["bin"] is None else stored.spikes(index, start, stop)
        counts = counts_of(spikes) if part["counts"] else None
        return PopulationRecording(spikes, values, self.every, self.neurons, counts)

    def _place(self) -> tuple[Stored, int]:
        return self.__dict__["_stored"], self.__dict__["_index"]

    def __repr__(self) -> str:
        return f"StoredPopulation({', '.join(self.recorded)} in {self._place()[0].path})"


class _StoredVariables(Mapping[str, NDArray[Any]]):
    def __init__(self, stored: Stored, index: int) -> None:
        self._stored, self._index = stored, index
        self._names: tuple[str, ...] = stored.populations[index]["variables"]
        self._read: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = self._stored.variable(self._index, name, 0, self._stored.steps)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
