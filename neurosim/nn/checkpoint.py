"""The state of a training on disk: one ``.npz`` file, arrays and JSON, no pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from neurosim.atomic_file import atomic_path
from neurosim.errors import FileFormatError
from neurosim.nn.adam import Adam

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "neurosim-training-1"


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
        arrays[f"parameter/{name}"] = parameter.detach().numpy()
        arrays[f"mean/{name}"], arrays[f"square/{name}"] = adam.mean[name], adam.square[name]
    with atomic_path(os.fspath(path)) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_checkpoint(
    path: str | os.PathLike[str], adam: Adam, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Put the saved state into ``adam`` and its parameters, and return the history.

    Raises:
        FileFormatError: not such a file, damaged, or of a training with other settings.
    """
    where = os.fspath(path)
    expected = {
        f"{kind}/{name}": parameter
        for name, parameter in adam.parameters.items()
        for kind in ("parameter", "mean", "square")
    }
    room = sum(p.numel() * p.element_size() + 4096 for p in expected.values()) + 2**24
    try:
        with zipfile.ZipFile(where) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
        if declared > room:
            raise FileFormatError(
                "larger than this module's state", where=where, value=declared, limit=f"{room} bytes"
            )
        with np.load(where, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        version, steps, found, history = (header[k] for k in ("format", "steps", "settings", "history"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError("not a checkpoint of a training", where=where, value=str(error)) from None
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
    for name, parameter in expected.items():
        array = arrays.get(name)
        if (
            array is None
            or array.shape != tuple(parameter.shape)
            or array.dtype != parameter.detach().numpy().dtype
        ):
            raise FileFormatError(
                "does not fit the module", where=f"{where}, {name}", limit=tuple(parameter.shape)
            )
    adam.steps = int(steps)
    with torch.no_grad():
        for name, parameter in adam.parameters.items():
            parameter.copy_(torch.from_numpy(arrays[f"parameter/{name}"]))
            adam.mean[name], adam.square[name] = arrays[f"mean/{name}"], arrays[f"square/{name}"]
    return list(history)
