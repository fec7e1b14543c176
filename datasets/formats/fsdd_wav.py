"""The Free Spoken Digit Dataset as its repository holds it: ``recordings/{digit}_{speaker}_{take}.wav``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.datasets.formats.wav import read_wav
from neurosim.errors import FileFormatError

__all__ = ["read_fsdd"]

_NAME = re.compile(r"([0-9])_([a-z]+)_([0-9]{1,3})\.wav")


def read_fsdd(folder: Path) -> dict[str, NDArray[Any]]:
    """All recordings of a folder in the order of speaker, digit and take, in the arrays of the pack ``fsdd.npz``."""
    found = sorted(
        (match[2], int(match[1]), int(match[3]), path)
        for path in folder.iterdir()
        if (match := _NAME.fullmatch(path.name))
    )
    if not found:
        raise FileFormatError("holds no recordings", where=folder.name, limit="files such as 0_george_0.wav")
    names = sorted({speaker for speaker, *_ in found})
    sounds, rates = zip(*(read_wav(path) for *_, path in found), strict=True)
    if len(set(rates)) > 1:
        raise FileFormatError("recordings differ in rate", where=folder.name, value=sorted(set(rates)))
    takes = np.array([take for _, _, take, _ in found], np.uint8)
    return {
        "audio": np.concatenate(sounds),
        "offsets": np.cumsum([0, *map(len, sounds)]),
        "label": np.array([digit for _, digit, _, _ in found], np.uint8),
        "speaker": np.array([names.index(speaker) for speaker, *_ in found], np.uint8),
        "speaker_names": np.array(names),
        "take": takes,
        "rate": np.array(rates[0]),
    }
