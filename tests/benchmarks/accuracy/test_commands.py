from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from benchmarks.accuracy.commands import FOLDER, halved, mel_filters, spectrogram
from benchmarks.accuracy.data import open_data
from benchmarks.accuracy.recipe import Data
from neurosim.errors import DataError


def test_spectrogram_is_that_of_scipy_through_the_filters() -> None:
    sound = np.random.default_rng(0).integers(-3000, 3000, (2, 8000)).astype(np.int16)
    stft = signal.ShortTimeFFT(signal.windows.hann(256, sym=False), 80, 8000, scale_to=None)
    padded = np.pad(sound / 2**15, ((0, 0), (128, 128)), mode="reflect")
    slices = stft.stft(
        padded, p0=2, p1=103, k_offset=-32
    )  # slice p is centred on sample 80 p - 32: 128 for the first
    expected = 10 * np.log10(np.maximum(np.moveaxis(np.abs(slices) ** 2, 1, 2) @ mel_filters(), 1e-10))
    assert np.allclose(spectrogram(sound), expected, atol=1e-3)


def test_a_tone_is_in_its_band_and_bands_above_half_the_rate_are_empty() -> None:
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.int16)[None]
    frames = spectrogram(tone)[0]
    assert frames.shape == (101, 140)
    edges = 700 * (
        10 ** (np.linspace(2595 * np.log10(1 + 50 / 700), 2595 * np.log10(1 + 14000 / 700), 142) / 2595) - 1
    )
    loudest = frames[50].argmax()
    assert edges[loudest] < 1000 < edges[loudest + 2]
    assert (frames[:, edges[:-2] > 4000] == -100.0).all()


def test_halving_keeps_low_tones_and_cuts_or_pads_to_a_second() -> None:
    t = np.arange(20_000) / 16_000
    low, high = (np.rint(9000 * np.sin(2 * np.pi * f * t)).astype(np.int16) for f in (500, 7000))
    half = halved(low)
    assert half.shape == (8000,)
    assert (
        np.abs(half[200:-200] - 9000 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)[200:-200]).max() < 60
    )
    assert np.abs(halved(high)[200:-200]).max() < 200
    assert (halved(low[:8000])[4200:] == 0).all()


def test_parts_are_those_of_the_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    data = Data(name="GSC", dt=0.01, steps=146)
    with pytest.raises(DataError, match=r"http\S+ into a folder speech_commands"):
        open_data(data)
    for word in ("down", "up", "_background_noise_"):
        (tmp_path / FOLDER / word).mkdir(parents=True)
        for k in range(3):
            wavfile.write(tmp_path / FOLDER / word / f"{k}.wav", 16_000, np.full(100 + k, 5, np.int16))
    (tmp_path / FOLDER / "validation_list.txt").write_text("up/1.wav\n")
    (tmp_path / FOLDER / "testing_list.txt").write_text("up/2.wav\ndown/0.wav\n")
    parts = open_data(data)
    assert parts.train.class_names == ("down", "up")
    assert parts.train.labels.tolist() == [0, 0, 1]
    assert parts.validation is not None
    assert parts.validation.labels.tolist() == [1]
    assert parts.test.labels.tolist() == [0, 1]
    assert parts.for_tuning(0.5)[1] is parts.validation
