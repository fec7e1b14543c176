"""Reading .npz files that may be truncated, foreign or hostile: headers are checked before anything is allocated."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError

__all__ = ["MAX_BYTES", "read_npz"]

MAX_BYTES = 2**31
"""Most bytes that the arrays of one file may take together."""

Axis = int | str
_format: Any = np.lib.format  # NumPy has no types for it
_READ_HEADER = {(1, 0): _format.read_array_header_1_0, (2, 0): _format.read_array_header_2_0}


def read_npz(
    path: str | os.PathLike[str], arrays: Mapping[str, tuple[str, tuple[Axis, ...]]]
) -> dict[str, NDArray[Any]]:
    """The named arrays of an .npz file; others in it are left alone. Nothing is ever unpickled.

    Args:
        arrays: name -> (kinds, shape). ``kinds`` are the allowed letters of ``dtype.kind``. An axis is a number or a
            letter; axes with the same letter must be equal in the whole file.

    Raises:
        FileFormatError: not an .npz file, truncated, an array missing, of another type or shape, or too large.
        FileNotFoundError, PermissionError: as ``open`` does.
    """
    file = Path(path)
    out: dict[str, NDArray[Any]] = {}
    sizes: dict[str, int] = {}
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for name, (kinds, axes) in arrays.items():
                where = f"{file.name}, array {name!r}"
                try:
                    info = archive.getinfo(f"{name}.npy")
                except KeyError:
                    raise FileFormatError("array is missing", where=where, remedy=_FOREIGN) from None
                with archive.open(info) as member:
                    dtype, shape = _header(member, where)
                _check_shape(where, dtype, kinds, shape, axes, sizes)
                total += info.file_size
                needed = dtype.itemsize * int(np.prod(shape, dtype=object))
                if total > MAX_BYTES or needed > info.file_size:
                    raise FileFormatError(
                        "array is larger than the file may hold",
                        where=where,
                        value=f"{needed} bytes",
                        limit=f"{MAX_BYTES} bytes",
                    )
                with archive.open(info) as member:
                    out[name] = _format.read_array(member, allow_pickle=False)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as problem:
        if isinstance(problem, FileFormatError):
            raise
        raise FileFormatError(
            f"cannot be read as .npz: {problem}",
            where=str(file.name),
            remedy="The file is truncated or damaged; get it again",
        ) from None
    return out


_FOREIGN = "This is another file under the expected name"


def _header(member: IO[bytes], where: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    version = _format.read_magic(member)
    if version not in _READ_HEADER:
        raise FileFormatError("unknown version of the .npy format", where=where, value=version)
    shape, _, dtype = _READ_HEADER[version](member)
    return dtype, shape


def _check_shape(
    where: str,
    dtype: np.dtype[Any],
    kinds: str,
    shape: tuple[int, ...],
    axes: tuple[Axis, ...],
    sizes: dict[str, int],
) -> None:
    if dtype.kind not in kinds:
        raise FileFormatError(
            "array is of another type", where=where, value=str(dtype), limit=f"kind {' or '.join(kinds)}"
        )
    fits = len(shape) == len(axes)
    for axis, length in zip(axes, shape, strict=False):
        fits = fits and length == (sizes.setdefault(axis, length) if isinstance(axis, str) else axis)
    if not fits:
        wanted = [sizes.get(a, a) if isinstance(a, str) else a for a in axes]
        raise FileFormatError("array has another shape", where=where, value=shape, limit=wanted)
