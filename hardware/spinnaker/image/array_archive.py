"""NPZ files of many arrays, written and read one array at a time."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError

__all__ = ["ArrayArchive", "write_archive"]

_LEVEL = 1
_SUFFIX = ".npy"
_MOST_HEADER = 1 << 16


def write_archive(path: Path, arrays: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write arrays as they come; equal arrays in equal order give equal bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays:
            entry = zipfile.ZipInfo(name + _SUFFIX)  # the date is that of an empty file system, 1980
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            header = io.BytesIO()
            array = np.ascontiguousarray(array)
            np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
            with archive.open(entry, "w", force_zip64=array.nbytes > 2**30) as file:
                file.write(header.getvalue())
                file.write(array.reshape(-1).view(np.uint8).data)


class ArrayArchive:
    """An NPZ file whose arrays are read one by one.

    Args:
        limit: bytes that one array may have.

    Raises:
        FileFormatError: missing, or not an archive.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise FileFormatError(f"cannot be read: {error}", where=str(path)) from None
        self._entries = {e.filename.removesuffix(_SUFFIX): e for e in self._archive.infolist()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(self._entries)

    def read(self, name: str) -> NDArray[Any]:
        """An array, not for writing.

        Raises:
            FileFormatError: damaged, too large, or no array of numbers.
        """
        entry, where = self._entries[name], f"{self.path}, {name}"
        if entry.file_size > self._limit + _MOST_HEADER:
            raise FileFormatError(
                "is too large", where=where, value=entry.file_size, limit=f"{self._limit} bytes"
            )
        try:
            content = self._archive.read(entry)
            file = io.BytesIO(content)
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("an unknown version of the NPY format")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            if dtype.hasobject or fortran:
                raise ValueError(f"an array of {dtype}")
            array = np.frombuffer(content, dtype, offset=file.tell())
            return array.reshape(shape)
        except (
            OSError,
            ValueError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
            zipfile.BadZipFile,
        ) as error:
            raise FileFormatError(f"cannot be read: {error}", where=where) from None
