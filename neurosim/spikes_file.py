"""Spikes on disk: one ``.npz`` for the inputs of a run, by name. No pickle.

The archive holds ``header`` (JSON: format, version, and for each set of spikes its name, shape, dt, steps and samples)
and the int32 vectors ``0.sample``, ``0.step``, ``0.neuron`` and, where cells hold several spikes, ``0.count``.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.errors import DataError, FileFormatError
from neurosim.npz_file import open_npz, read_member
from neurosim.spikes import Spikes

__all__ = ["load_spikes", "save_spikes"]

FORMAT = "neurosim-spikes"
VERSION = 1
_LIMIT = 8 * 2**30
"""Bytes that an archive may unpack to."""
_HEADER_LIMIT = 2**20
_VECTORS = ("sample", "step", "neuron", "count")


def save_spikes(spikes: Mapping[str, Spikes], path: str | os.PathLike[str]) -> None:
    """Write named spikes, whole or not at all.

    Raises:
        DataError: the file's name does not end in ``.npz``.
    """
    if Path(path).suffix != ".npz":
        raise DataError(
            "spikes are saved as .npz", where="save_spikes", value=str(path), limit="a name ending in .npz"
        )
    arrays: dict[str, NDArray[Any]] = {}
    entries = []
    for i, (name, s) in enumerate(spikes.items()):
        entries.append({"name": name, "shape": s.shape, "dt": s.dt, "steps": s.steps, "samples": s.samples})
        for vector in _VECTORS:
            values = getattr(s, vector)
            if values is not None:
                arrays[f"{i}.{vector}"] = values
    header = json.dumps({"format": FORMAT, "version": VERSION, "spikes": entries})
    arrays["header"] = np.frombuffer(header.encode(), np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_spikes(path: str | os.PathLike[str]) -> dict[str, Spikes]:
    """Read what `save_spikes` wrote. Sizes are checked before anything is allocated.

    Raises:
        FileFormatError: the file is missing, truncated, foreign, of a newer version, or holds invalid spikes.
    """
    with open_npz(path, "a file of spikes, as save_spikes writes it") as archive:
        return _read(archive, str(path))


def _read(archive: zipfile.ZipFile, where: str) -> dict[str, Spikes]:
    total = sum(info.file_size for info in archive.infolist())
    if total > _LIMIT:
        raise FileFormatError(
            "unpacks to too much", where=where, value=f"{total} bytes", limit=f"{_LIMIT} bytes"
        )
    raw = read_member(archive, "header", np.dtype(np.uint8), limit=_HEADER_LIMIT)
    header = json.loads(raw.tobytes())
    if header["format"] != FORMAT:
        raise FileFormatError("is not a file of spikes", where=where, value=header["format"], limit=FORMAT)
    if header["version"] != VERSION:
        raise FileFormatError("unknown version", where=where, value=header["version"], limit=VERSION)
    names = set(archive.namelist())
    known = {f"{i}.{v}.npy" for i in range(len(header["spikes"])) for v in _VECTORS}
    if unknown := names - known - {"header.npy"}:  # a count under a damaged name must not go unnoticed
        raise FileFormatError("holds unknown members", where=where, value=sorted(unknown)[:8])
    found: dict[str, Spikes] = {}
    for i, entry in enumerate(header["spikes"]):
        vectors = [
            read_member(archive, f"{i}.{v}", np.dtype(np.int32), limit=_LIMIT)
            if f"{i}.{v}.npy" in names
            else None
            for v in _VECTORS
        ]
        sample, step, neuron, count = vectors
        if sample is None or step is None or neuron is None:
            raise FileFormatError("a vector is missing", where=where, value=entry["name"], limit=_VECTORS[:3])
        frame = {"dt": float(entry["dt"]), "steps": int(entry["steps"]), "samples": int(entry["samples"])}
        shape = tuple(int(n) for n in entry["shape"])
        found[str(entry["name"])] = Spikes(sample, step, neuron, count, shape=shape, **frame)  # type: ignore[arg-type]
    return found
