from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from neurosim.datasets.formats.wav import read_wav
from neurosim.errors import FileFormatError


def test_reads_what_scipy_wrote(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).integers(-(2**15), 2**15, 300).astype(np.int16)
    wavfile.write(tmp_path / "a.wav", 8000, sound)
    read, rate = read_wav(tmp_path / "a.wav")
    assert rate == 8000
    assert read.dtype == np.int16
    assert np.array_equal(read, sound)


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (3, 1), (2, 2)])
def test_refuses_other_kinds(tmp_path: Path, width: int, channels: int) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setsampwidth(width)
        file.setnchannels(channels)
        file.setframerate(8000)
        file.writeframes(bytes(width * channels * 4))
    with pytest.raises(FileFormatError, match="another kind"):
        read_wav(tmp_path / "a.wav")


def test_refuses_damaged_files(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, np.zeros(100, np.int16))
    whole = (tmp_path / "a.wav").read_bytes()
    claims = bytearray(whole)
    claims[40:44] = (2**31 - 2).to_bytes(4, "little")
    for damaged in (whole[:30], b"RIFX" + whole[4:], b"", bytes(claims)):
        (tmp_path / "b.wav").write_bytes(damaged)
        with pytest.raises(FileFormatError):
            read_wav(tmp_path / "b.wav")
