"""The state of a training on disk: one ``.npz`` file, arrays and JSON, no pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.errors import FileFormatError
from neurosim.nn.adam import Adam

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "neurosim-training-1"
_HEADER_LIMIT = 2**24


def save_checkpoint(
    path: str | os.PathLike[str],
    adam: Adam,
    settings: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
) -> None:
    """Write parameters, the optimiser's state, the settings and the history, whole or not at all."""
    header = {"format": FORMAT, "steps": adam.steps, "settings": dict(settings), "history": list(history)}
    arrays = {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
    for name, parameter in adam.parameters.items():
        arrays[f"parameter/{name}"] = np.ascontiguousarray(parameter.detach().numpy())
        arrays[f"mean/{name}"], arrays[f"square/{name}"] = adam.mean[name], adam.square[name]
    with atomic_path(os.fspath(path)) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_checkpoint(
    path: str | os.PathLike[str], adam: Adam, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Put the saved state into ``adam`` and its parameters, and return the history.

    Raises:
        FileFormatError: not such a file, damaged, or of a training with other settings; nothing is changed then.
    """
    where = os.fspath(path)
    try:
        with zipfile.ZipFile(where) as archive:
            size = min(archive.getinfo("header.npy").file_size, _HEADER_LIMIT)
            header = json.loads(_array(archive, "header", np.dtype(np.uint8), None, size).tobytes())
            version, steps, found = (header[k] for k in ("format", "steps", "settings"))
            history = [dict(entry) for entry in header["history"]]
            _compare(version, found, settings, where)
            arrays = {
                f"{kind}/{name}": _array(archive, f"{kind}/{name}", mean.dtype, mean.shape, mean.nbytes)
                for name, mean in adam.mean.items()
                for kind in ("parameter", "mean", "square")
            }
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError("not a checkpoint of this training", where=where, value=str(error)) from None
    adam.steps = int(steps)
    with torch.no_grad():
        for name, parameter in adam.parameters.items():
            parameter.copy_(torch.from_numpy(arrays[f"parameter/{name}"]))
            adam.mean[name], adam.square[name] = arrays[f"mean/{name}"], arrays[f"square/{name}"]
    return history


def _compare(version: Any, found: Mapping[str, Any], settings: Mapping[str, Any], where: str) -> None:
    if version != FORMAT:
        raise FileFormatError("a checkpoint of another version", where=where, value=version, limit=FORMAT)
    differ = [k for k in settings if found.get(k) != settings[k]]
    if differ:
        raise FileFormatError(
            "the checkpoint is of a training with other settings",
            where=where,
            value={k: found.get(k) for k in differ},
            limit={k: settings[k] for k in differ},
            remedy="Delete the file to start anew, or restore the settings",
        )


def _array(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...] | None, limit: int
) -> NDArray[Any]:
    """A member of exactly this dtype and shape (None: any vector); sizes are compared before anything is read."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise ValueError(f"{name} is of npy version {version}")
        size, fortran, kind = np.lib.format.read_array_header_1_0(member)
        wanted = (info.file_size - member.tell(),) if shape is None else shape
        count = int(np.prod(wanted, dtype=np.int64))
        if size != wanted or fortran or kind != dtype or count * dtype.itemsize > limit:
            raise ValueError(
                f"{name} is {kind} {size}, expected {dtype} {shape or 'vector'} of at most {limit} bytes"
            )
        return np.frombuffer(member.read(count * dtype.itemsize), dtype).reshape(wanted).copy()
