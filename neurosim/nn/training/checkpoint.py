"""The state of a training on disk: one ``.npz`` file, arrays and JSON, no pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from neurosim.atomic_file import atomic_path
from neurosim.errors import FileFormatError
from neurosim.nn.training.adam import Adam
from neurosim.npz_file import open_npz, read_member

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
    with open_npz(where, "a checkpoint of this training") as archive:
        header = json.loads(read_member(archive, "header", np.dtype(np.uint8), limit=_HEADER_LIMIT).tobytes())
        version, steps, found = header["format"], int(header["steps"]), header["settings"]
        history = [dict(entry) for entry in header["history"]]
        _compare(version, found, settings, where)
        arrays = {
            f"{kind}/{name}": read_member(
                archive, f"{kind}/{name}", mean.dtype, shape=mean.shape, limit=mean.nbytes
            ).copy()
            for name, mean in adam.mean.items()
            for kind in ("parameter", "mean", "square")
        }
    adam.steps = steps
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
