"""NPZ files: those of many arrays, written and read one array at a time, and small ones as bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.npz_file import explained, read_member

__all__ = ["ArrayArchive", "write_archive", "write_arrays"]

_SUFFIX = ".npy"
_LEVEL = 1  # rows of 12 words: a quarter of the size at 240 MB/s; the usual 6 takes three times as long to save a sixth
_header: Any = np.lib.format  # NumPy has no types for it


def write_archive(path: Path, arrays: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write arrays as they come; equal arrays in equal order give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, array in arrays:
            content = np.ascontiguousarray(array)
            with archive.open(name + _SUFFIX, "w", force_zip64=content.nbytes > 2**30) as member:
                head = _header.header_data_from_array_1_0(content)
                _header.write_array_header_1_0(member, head)
                member.write(content.reshape(-1).view(np.uint8).data)


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed NPZ file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(sorted(arrays.items())))  # type: ignore[arg-type]
    return buffer.getvalue()


class ArrayArchive:
    """An NPZ file whose arrays are read one by one, the file being open all the time.

    Args:
        content: what the file should be, for messages.

    Raises:
        FileFormatError: missing, or not an archive.
    """

    def __init__(self, path: Path, content: str) -> None:
        self.path = path
        self._content = content
        if not path.is_file():
            raise FileFormatError("no such file", where=str(path))
        with explained(path, content):
            self._archive = zipfile.ZipFile(path)
            self.names = tuple(name.removesuffix(_SUFFIX) for name in self._archive.namelist())

    def read(
        self, name: str, dtype: Any, *, shape: tuple[int, ...] | None = None, limit: int
    ) -> NDArray[Any]:
        """An array of this type and shape (None: any vector) of at most ``limit`` bytes, not for writing.

        Raises:
            FileFormatError: damaged, too large, or something else.
        """
        with explained(self.path, self._content):
            return read_member(self._archive, name, np.dtype(dtype), shape=shape, limit=limit)
