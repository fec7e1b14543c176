"""Recordings on disk: one HDF5 file. Version 1, a recording written as a whole, is described here; version 2, written
while the run goes on, in `neurosim.engine.storage.recording_stream`.

Attributes of the root are ``format``, ``version``, ``dt``, ``steps``, ``samples``. ``populations/0`` and so on hold the
attributes ``name``, ``every`` and ``lag``, the group ``spikes`` (``sample, step, neuron, count``; attributes ``shape``,
``steps``, ``samples``), ``counts`` [B, *shape], one data set a variable under ``variables``, and ``neurons``.
``events`` holds the device events as columns, ``held`` the steps of each sample if the run was cut short. The state to
carry on from is not kept.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.engine.recording import DeviceEvent, PopulationRecording, Recording
from neurosim.engine.storage.recording_pieces import part_path, read_pieces
from neurosim.engine.storage.stored_recording import load_stored
from neurosim.errors import DataError, FileFormatError, ShapeError
from neurosim.network_file import StoredSizes, open_file
from neurosim.spikes import Spikes

__all__ = ["load_recording", "save_recording"]

FORMAT = "neurosim-recording"
VERSION = 1
_LIMIT = 64 * 2**30
"""Bytes that the arrays of a file may declare."""


def save_recording(recording: Recording, path: str | os.PathLike[str]) -> None:
    """Write a recording, whole or not at all. ``final_state`` is left out."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        file.attrs.update(format=FORMAT, version=VERSION)
        file.attrs.update(dt=recording.dt, steps=recording.steps, samples=recording.samples)
        for i, (name, part) in enumerate(recording.items()):
            group = file.create_group(f"populations/{i}")
            group.attrs.update(name=name, every=part.every, lag=recording.lag.get(name, 0))
            if part.neurons is not None:
                group["neurons"] = np.array(part.neurons, np.int64)
            for variable, values in part.variables.items():
                _put(group, f"variables/{variable}", values)
            if part.spikes is not None:
                _put_spikes(group.create_group("spikes"), part.spikes)
            if part.counts is not None:
                _put(group, "counts", part.counts)
        if recording.held is not None:
            _put(file, "held", recording.held)
        for i, (name, weights) in enumerate(recording.weights.items()):
            _put(file, f"weights/{i}", weights)
            file[f"weights/{i}"].attrs["name"] = name
        for field in ("kind", "population", "cause"):
            words = [getattr(e, field) for e in recording.events]
            file.create_dataset(f"events/{field}", data=np.array(words, dtype=h5py.string_dtype()))
        for field in ("sample", "step", "neuron", "count"):
            _put(file, f"events/{field}", np.array([getattr(e, field) for e in recording.events], np.int64))
        numbers = [np.nan if e.value is None else e.value for e in recording.events]
        _put(file, "events/value", np.array(numbers, np.float64))


def _put(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    group.create_dataset(
        name, data=values, **({"compression": "gzip", "shuffle": True} if values.size else {})
    )


def _put_spikes(group: h5py.Group, spikes: Spikes) -> None:
    group.attrs.update(shape=spikes.shape, steps=spikes.steps, samples=spikes.samples)
    for vector in ("sample", "step", "neuron", "count"):
        values = getattr(spikes, vector)
        if values is not None:
            _put(group, vector, values)


def load_recording(path: str | os.PathLike[str]) -> Recording:
    """Read what `save_recording` or a run (``to=``) wrote. Sizes are checked before anything is allocated.

    A recording that a run wrote reads its spikes and variables when they are asked for, and then may raise
    FileFormatError too. Of a run that was killed, the folder ``NAME.part`` holds what it wrote until then, and can be
    given here (it is read into memory), or made a file by `neurosim.engine.storage.recording_stream.join_pieces`.

    Raises:
        FileFormatError: the file is missing, truncated, foreign, of a newer version, or holds invalid values.
    """
    where = str(path)
    if Path(path).is_dir():
        return read_pieces(Path(path))
    if not Path(path).exists() and part_path(path).is_dir():
        remedy = f"A run was killed, or goes on: {part_path(path)} holds what it wrote so far"
        raise FileFormatError("no such file", where=where, remedy=remedy)
    with open_file(path) as file:
        if "header" not in file:  # which a run writes
            return _whole(file, path)
    return load_stored(path)


def _whole(file: h5py.File, path: str | os.PathLike[str]) -> Recording:
    """A recording that was written as a whole."""
    where = str(path)
    if file.attrs.get("format") != FORMAT:
        raise FileFormatError("is not a recording", where=where, value=file.attrs.get("format"), limit=FORMAT)
    if file.attrs["version"] != VERSION:
        raise FileFormatError("unknown version", where=where, value=file.attrs["version"], limit=VERSION)
    try:
        return _Reader(file, StoredSizes(where, Path(path).stat().st_size, _LIMIT)).recording()
    except (DataError, ShapeError, AttributeError) as error:
        raise FileFormatError(f"holds invalid values: {error}", where=where) from error


class _Reader:
    def __init__(self, file: h5py.File, sizes: StoredSizes) -> None:
        self._file, self._sizes = file, sizes

    def _group(self, parent: h5py.Group, name: str) -> h5py.Group:
        group = self._sizes.child(parent, name)
        if not isinstance(group, h5py.Group):
            raise TypeError(f"{parent.name}/{name} is not a group")
        return group

    def _get(self, group: h5py.Group, name: str) -> NDArray[Any]:
        data = self._sizes.child(group, name)
        if not isinstance(data, h5py.Dataset):
            raise TypeError(f"{group.name}/{name} is not a data set")
        self._sizes.check(data, text=True)
        return np.asarray(data.asstr()[()] if h5py.check_string_dtype(data.dtype) else data[()])

    def recording(self) -> Recording:
        file, attrs = self._file, self._file.attrs
        parts: dict[str, PopulationRecording] = {}
        lag: dict[str, int] = {}
        group = self._group(file, "populations") if "populations" in file else ()
        for i in range(len(group)):
            part = self._group(group, str(i))
            name = str(part.attrs["name"])
            parts[name] = self._population(part, float(attrs["dt"]))
            lag[name] = int(part.attrs["lag"])
        group = self._group(file, "weights") if "weights" in file else ()
        weights = {str(group[i].attrs["name"]): self._get(group, i) for i in group}
        return Recording(
            parts,
            dt=float(attrs["dt"]),
            steps=int(attrs["steps"]),
            samples=int(attrs["samples"]),
            events=self._events(),
            lag=lag,
            weights=weights,
            held=self._get(file, "held") if "held" in file else None,
        )

    def _population(self, group: h5py.Group, dt: float) -> PopulationRecording:
        neurons = tuple(int(n) for n in self._get(group, "neurons")) if "neurons" in group else None
        spikes = None
        if "spikes" in group:
            s = self._group(group, "spikes")
            frame = {"steps": int(s.attrs["steps"]), "samples": int(s.attrs["samples"])}
            vectors = [self._get(s, v) if v in s else None for v in ("sample", "step", "neuron", "count")]
            if any(v is None for v in vectors[:3]):
                raise KeyError(f"{s.name} lacks a vector")
            shape = tuple(int(n) for n in s.attrs["shape"])
            spikes = Spikes(*vectors, shape=shape, dt=dt, **frame)  # type: ignore[arg-type]
        variables = self._group(group, "variables") if "variables" in group else ()
        values = {name: self._get(variables, name) for name in variables}
        counts = self._get(group, "counts").astype(np.int64) if "counts" in group else None
        return PopulationRecording(spikes, values, int(group.attrs["every"]), neurons, counts)

    def _events(self) -> tuple[DeviceEvent, ...]:
        group = self._group(self._file, "events")
        names = ("kind", "population", "sample", "step", "neuron", "value", "count")
        columns = [self._get(group, name).tolist() for name in names]
        known = "cause" in group  # older files have none
        causes = self._get(group, "cause").tolist() if known else [""] * len(columns[0])
        return tuple(
            DeviceEvent(
                kind, population, sample, step, neuron, None if np.isnan(value) else value, count, cause
            )
            for kind, population, sample, step, neuron, value, count, cause in zip(
                *columns, causes, strict=True
            )
        )
