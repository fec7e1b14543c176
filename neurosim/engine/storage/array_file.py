"""Nested names, numbers, text and arrays in one HDF5 file: what states and results of sweeps are written as.

The root has two items. ``header`` is JSON in bytes: ``format``, ``version``, ``sha256`` (of content and arrays) and
``content``, in which ``{"array": 3}`` stands for the data set ``arrays/3``, ``{"map": [[name, value], ...]}`` for a
mapping and ``{"list": [...]}`` for a sequence. Arrays are kept bit for bit. Nothing in a file can name a class or code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.errors import DescriptionError, FileFormatError
from neurosim.network_file import StoredSizes, open_file

__all__ = ["load_arrays", "read_header", "save_arrays", "write_header"]

_LIMIT = 64 * 2**30
"""Bytes that the arrays of a file may declare."""
_HEADER_LIMIT = 64 * 2**20
_DEPTH = 32


def save_arrays(content: Any, path: str | os.PathLike[str], format: str, version: int) -> None:
    """Write a tree of mappings with names of text, lists, tuples, arrays, numbers, text and None, whole or not at all.

    Raises:
        DescriptionError: values of other types.
    """
    arrays: list[NDArray[Any]] = []
    tree = _written(content, arrays, format, 0)
    with atomic_path(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        write_header(file, format, version, {"content": tree, "sha256": _digest(tree, arrays)})
        group = file.create_group("arrays")
        for i, array in enumerate(arrays):
            group[str(i)] = array


def load_arrays(path: str | os.PathLike[str], format: str, version: int) -> Any:
    """Read what `save_arrays` wrote; sequences come back as lists. Sizes are checked before anything is allocated.

    Raises:
        FileFormatError: the file is missing, truncated, damaged, foreign, or of a newer version.
    """
    where = str(path)
    with open_file(path) as file:
        sizes = StoredSizes(where, Path(path).stat().st_size, _LIMIT)
        header = read_header(file, sizes, format, version)
        group = sizes.child(file, "arrays")
        arrays = []
        for i in range(len(group)):
            data = sizes.child(group, str(i))
            if not isinstance(data, h5py.Dataset):
                raise sizes.fail("is not an array", f"arrays/{i}")
            sizes.check(data)
            arrays.append(np.asarray(data[()]))
        if header["sha256"] != _digest(header["content"], arrays):
            raise FileFormatError("fails its checksum", where=where, remedy="The file is damaged")
        try:
            return _read(header["content"], arrays, 0)
        except (IndexError, RecursionError) as error:
            raise FileFormatError("holds an invalid tree", where=where) from error


def write_header(file: h5py.File, format: str, version: int, content: Mapping[str, Any]) -> None:
    """Write the item ``header`` of a file: JSON, in bytes."""
    text = json.dumps({"format": format, "version": version, **content})
    file["header"] = np.frombuffer(text.encode(), np.uint8)


def read_header(file: h5py.File, sizes: StoredSizes, format: str, version: int) -> dict[str, Any]:
    """The item ``header`` of a file of this format, up to this version.

    Raises:
        FileFormatError: none, one that is damaged or too large, another format, or a newer version.
    """
    if "header" not in file:
        raise FileFormatError(f"is not a {format} file", where=sizes.file, value=sorted(file)[:8])
    data = sizes.child(file, "header")
    if not (isinstance(data, h5py.Dataset) and data.ndim == 1 and data.dtype == np.uint8):
        raise sizes.fail(f"is not a {format} file", "header")
    if data.nbytes > min(_HEADER_LIMIT, sizes.file_size):
        raise sizes.fail("is too large", "header", value=data.nbytes, limit=_HEADER_LIMIT)
    sizes.check(data)
    try:
        header = json.loads(data[()].tobytes())
    except RecursionError as error:
        raise sizes.fail("nests too deeply", "header") from error
    if not isinstance(header, dict) or header.get("format") != format:
        raise sizes.fail(f"is not a {format} file", "header")
    found = header.get("version")
    if not isinstance(found, int) or not 1 <= found <= version:
        raise FileFormatError(
            "unknown version", where=sizes.file, value=found, limit=f"<= {version}", remedy="Upgrade neurosim"
        )
    return header


def _written(value: Any, arrays: list[NDArray[Any]], where: str, depth: int) -> Any:
    if depth > _DEPTH:
        raise DescriptionError("values nest too deeply", where=where, limit=_DEPTH)
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise DescriptionError(
                "an array of this type cannot be saved", where=where, value=str(array.dtype), limit="numbers"
            )
        arrays.append(array)
        return {"array": len(arrays) - 1}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise DescriptionError("names must be text", where=where, value=list(value)[:8])
        return {"map": [[n, _written(v, arrays, f"{where}, {n!r}", depth + 1)] for n, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_written(v, arrays, f"{where}[{i}]", depth + 1) for i, v in enumerate(value)]}
    raise DescriptionError(
        "a value of this type cannot be saved",
        where=where,
        value=type(value).__name__,
        limit="numbers, text, arrays, lists and mappings of them",
    )


def _read(tree: Any, arrays: list[NDArray[Any]], depth: int) -> Any:
    if not isinstance(tree, dict):
        if isinstance(tree, list):
            raise ValueError("a list without a tag")
        return tree
    if depth > _DEPTH or len(tree) != 1:
        raise ValueError("an invalid item")
    ((kind, items),) = tree.items()
    if kind == "array" and isinstance(items, int) and items >= 0:
        return arrays[items]
    if kind == "map":
        pairs = [(name, _read(value, arrays, depth + 1)) for name, value in items]
        if not all(isinstance(name, str) for name, _ in pairs):
            raise ValueError("a name that is not text")
        return dict(pairs)
    if kind == "list":
        return [_read(value, arrays, depth + 1) for value in items]
    raise ValueError(f"an item of unknown kind {kind!r}")


def _digest(tree: Any, arrays: list[NDArray[Any]]) -> str:
    sha = hashlib.sha256(json.dumps(tree).encode())
    for array in arrays:
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        sha.update(f"{little.dtype.str}{array.shape}".encode())
        sha.update(little.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()
