"""The state of a training on disk: one ``.npz`` file, arrays and JSON, no pickle.

A state is a tree of dictionaries, lists, tuples, numbers, texts, None and tensors. The tensors are stored as arrays,
the rest as JSON that refers to them. A file replaces the one before it only when it is on the disk, whole.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim.atomic_file import atomic_path
from neurosim.errors import DataError, FileFormatError
from neurosim.npz_file import open_npz, read_member

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "neurosim-training-2"
_HEADER_LIMIT = 2**26
_KINDS = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.uint8, torch.bool,
    )
}  # fmt: skip


def save_checkpoint(
    path: str | os.PathLike[str], state: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Write a state, whole or not at all, with the settings that it belongs to.

    Raises:
        DataError: something in the state that is not of the kinds named above.
    """
    arrays: list[Tensor] = []
    header = {"format": FORMAT, "settings": dict(settings), "state": _described(state, arrays)}
    members = {f"{i}": _bytes_of(tensor) for i, tensor in enumerate(arrays)}
    members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with atomic_path(os.fspath(path)) as temporary, open(temporary, "wb") as file:
        np.savez(file, **members)  # type: ignore[arg-type]


def load_checkpoint(path: str | os.PathLike[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The state in a file, tensors on the CPU.

    Raises:
        FileFormatError: not such a file, damaged, or of a training with other settings.
    """
    where = os.fspath(path)
    with open_npz(where, "a checkpoint of this training") as archive:
        # arrays are not packed, so none can be larger than the file
        limit = os.path.getsize(where)
        text = read_member(archive, "header", np.dtype(np.uint8), limit=min(limit, _HEADER_LIMIT)).tobytes()
        header = json.loads(text)
        if header["format"] != FORMAT:
            raise FileFormatError(
                "a checkpoint of another version", where=where, value=header["format"], limit=FORMAT
            )
        _compare(header["settings"], settings, where)
        return dict(_restored(header["state"], archive, limit))


def _compare(found: Mapping[str, Any], wanted: Mapping[str, Any], where: str) -> None:
    wanted = json.loads(json.dumps(dict(wanted)))
    differ = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    if differ:
        raise FileFormatError(
            "the checkpoint is of a training with other settings",
            where=where,
            value={name: found.get(name) for name in differ},
            limit={name: wanted.get(name) for name in differ},
            remedy="Delete the file to start anew, or restore the settings",
        )


def _described(value: Any, arrays: list[Tensor]) -> Any:
    """JSON for a tree. Tagged, so that a tuple comes back as a tuple and a number as a key."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        arrays.append(value)
        kind = str(value.dtype).removeprefix("torch.")
        if kind not in _KINDS:
            raise DataError("cannot be stored", where="checkpoint", value=kind, limit=sorted(_KINDS))
        return {"tensor": len(arrays) - 1, "kind": kind, "shape": list(value.shape)}
    if isinstance(value, (list, tuple)):
        name = "list" if isinstance(value, list) else "tuple"
        return {name: [_described(v, arrays) for v in value]}
    if isinstance(value, Mapping):
        return {"dict": [[_described(k, arrays), _described(v, arrays)] for k, v in value.items()]}
    raise DataError(
        "cannot be stored", where="checkpoint", value=type(value).__name__, limit="plain data, tensors"
    )


def _bytes_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy() if plain.numel() else np.empty(0, np.uint8)


def _restored(value: Any, archive: zipfile.ZipFile, limit: int) -> Any:
    """The tree that `_described` told; raises what `open_npz` explains where it is damaged."""
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        kind, shape = _KINDS[value["kind"]], tuple(int(n) for n in value["shape"])
        data = read_member(archive, str(int(value["tensor"])), np.dtype(np.uint8), limit=limit)
        made = torch.empty(0, dtype=kind) if not data.size else torch.from_numpy(data.copy()).view(kind)
        return made.reshape(shape)
    ((name, parts),) = value.items()
    if name == "dict":
        return {_restored(k, archive, limit): _restored(v, archive, limit) for k, v in parts}
    return {"list": list, "tuple": tuple}[name](_restored(v, archive, limit) for v in parts)
