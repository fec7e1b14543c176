"""Reading ``.npz`` files that may be truncated, foreign or hostile: sizes before allocation, and no pickle."""

from __future__ import annotations

import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError, NeurosimError

__all__ = ["explained", "open_npz", "read_member"]

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_header: Any = np.lib.format  # NumPy has no types for it


@contextmanager
def open_npz(path: str | os.PathLike[str], content: str) -> Iterator[zipfile.ZipFile]:
    """The archive at ``path``; whatever goes wrong while it is read is a `FileFormatError` about ``content``.

    Args:
        content: what the file should be, such as ``"a file of spikes"``.
    """
    if not Path(path).is_file():
        raise FileFormatError("no such file", where=os.fspath(path))
    with explained(path, content), zipfile.ZipFile(path) as archive:
        yield archive


@contextmanager
def explained(path: str | os.PathLike[str], content: str) -> Iterator[None]:
    """Whatever goes wrong inside is a `FileFormatError` about ``content``, which the file at ``path`` should be."""
    where = os.fspath(path)
    try:
        yield
    except FileFormatError:
        raise
    except NeurosimError as error:
        raise FileFormatError(f"is not valid as {content}: {error}", where=where) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        tokenize.TokenError,  # from the header of an array, which NumPy reads as Python literals
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise FileFormatError(f"is not {content}: {error}", where=where) from error


def read_member(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    *,
    shape: tuple[int, ...] | None = None,
    limit: int,
) -> NDArray[Any]:
    """The array ``name``, of exactly this ``dtype`` and ``shape`` (None: any vector), read-only.

    Its declared size is compared with the archive's, and with ``limit`` bytes, before anything is read; its checksum
    after. Raises ValueError or what `zipfile` raises, for `open_npz` to explain.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in _PACKINGS:
        raise ValueError(f"{name} is packed in another way than .npz files are")
    with archive.open(info) as member:
        if _header.read_magic(member) != (1, 0):
            raise ValueError(f"{name} is of another version of the .npy format")
        found, fortran, kind = _header.read_array_header_1_0(member)
        size = info.file_size - member.tell()
        wanted = (size // dtype.itemsize,) if shape is None else shape
        if (
            found != wanted
            or fortran
            or kind != dtype
            or int(np.prod(wanted, dtype=object)) * dtype.itemsize != size
        ):
            expected = f"{dtype} {shape or 'vector'}"
            raise ValueError(f"{name} is {kind} {found}, expected {expected} of {size} bytes")
        if size > limit:
            raise ValueError(f"{name} is larger than {limit} bytes")
        content = member.read(size)
        if member.read(1) or len(content) != size:  # reading to the end also checks the checksum
            raise ValueError(f"{name} does not have {size} bytes")
    return np.frombuffer(content, dtype).reshape(wanted)
