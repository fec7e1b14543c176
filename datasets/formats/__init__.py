"""Event files: one module a format, chosen by the file's ending."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from neurosim.datasets.events import Events
from neurosim.errors import DataError, FileFormatError

__all__ = ["FORMATS", "read_events"]

FORMATS = {
    ".bin": "neurosim.datasets.formats.nmnist_bin:read",
    ".bs2": "neurosim.datasets.formats.nmnist_bin:read",
}
"""File ending -> "module:function" of a reader ``read(path, shape) -> Events``, imported when used."""

MAX_BYTES = 2**33


def read_events(path: str | os.PathLike[str], *, shape: Sequence[int] | None = None) -> Events:
    """Read one recording.

    Args:
        shape: the sensor's (polarity, y, x); None: the format's usual sensor.

    Raises:
        DataError: no reader for this ending, or events off the sensor.
        FileFormatError: missing, truncated or foreign.
    """
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in FORMATS:
        raise DataError(
            "no reader for this kind of file",
            where=str(file),
            value=ending,
            limit=sorted(FORMATS),
            remedy="Read it with another tool and pass its arrays to Events, or add a reader to FORMATS",
        )
    if not file.is_file():
        raise FileFormatError("no such file", where=str(file))
    if file.stat().st_size > MAX_BYTES:
        raise FileFormatError("file too large", where=str(file), limit=f"{MAX_BYTES} bytes")
    module, function = FORMATS[ending].split(":")
    reader: Callable[[Path, Sequence[int] | None], Events] = getattr(
        importlib.import_module(module), function
    )
    return reader(file, shape)
