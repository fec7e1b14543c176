"""Uncompressed .wav files of 16 bits and one channel, which spoken data sets are made of."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError

__all__ = ["read_wav"]

_MOST = 2**28  # bytes of sound


def read_wav(path: str | os.PathLike[str]) -> tuple[NDArray[np.int16], int]:
    """The samples int16 ``[n]`` of a recording and their number a second.

    Raises:
        FileFormatError: not such a file, another width or several channels, truncated, or too large.
        FileNotFoundError, PermissionError: as ``open`` does.
    """
    file = Path(path)
    try:
        with wave.open(str(file), "rb") as recording:
            width, channels = recording.getsampwidth(), recording.getnchannels()
            n, rate = recording.getnframes(), recording.getframerate()
            if (width, channels) != (2, 1) or rate < 1:
                raise FileFormatError(
                    "is another kind of recording",
                    where=file.name,
                    value=f"{8 * width} bits, {channels} channels, {rate} samples a second",
                    limit="16 bits, 1 channel",
                )
            if n * width > min(_MOST, file.stat().st_size):
                raise FileFormatError(
                    "says it is longer than it can be",
                    where=file.name,
                    value=f"{n} samples",
                    limit=f"{min(_MOST, file.stat().st_size)} bytes",
                )
            data = recording.readframes(n)
    except (wave.Error, EOFError) as problem:
        raise FileFormatError(f"cannot be read as .wav: {problem}", where=file.name) from None
    return np.frombuffer(data[: len(data) - len(data) % 2], "<i2").astype(np.int16), rate
