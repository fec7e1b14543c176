"""Google's Speech Commands as mel spectrograms in decibels, as DCLS takes them: no spikes, real numbers go in.

35 words (P. Warden, "Speech commands: a dataset for limited-vocabulary speech recognition", arXiv:1804.03209, 2018,
CC BY 4.0). Sounds are cut or padded to one second and halved in rate; the spectrogram is that of I. Hammouamri,
I. Khalfaoui-Hassani, T. Masquelier, ICLR 2024, with torchaudio's definitions: windows of 256 samples (Hann) every 80,
centred and mirrored at the ends, power, 140 triangular mel bands from 50 Hz to 14 kHz on the HTK scale, 10 log10 of at
least 1e-10. Half the sampling rate is 4 kHz, so the bands above stay at -100 dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from benchmarks.accuracy.parts import Parts
from benchmarks.accuracy.recipe import Data
from neurosim.datasets import ArrayDataset
from neurosim.datasets.formats.wav import read_wav
from neurosim.datasets.packs import data_folder
from neurosim.errors import DataError, FileFormatError

__all__ = ["BANDS", "FOLDER", "FRAMES", "mel_filters", "spectrogram", "speech_commands"]

FOLDER = "speech_commands_v0.02"
URL = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
RATE, WINDOW, HOP, BANDS, FRAMES = 8000, 256, 80, 140, 101
LOWEST, HIGHEST = 50.0, 14_000.0


def speech_commands(data: Data) -> Parts:
    """Sounds int16 ``[n, 8000]``; `spectrogram` makes inputs of them, a batch at a time.

    The parts are those of the lists ``validation_list.txt`` and ``testing_list.txt`` in the data set's folder.

    Raises:
        DataError: the folder is not there.
    """
    folder = data_folder() / FOLDER
    if not (folder / "testing_list.txt").is_file():
        raise DataError(
            "data set not found",
            where="GSC",
            value=f"no {FOLDER}/testing_list.txt in {folder.parent} (NEUROSIM_DATA)",
            remedy=f"Unpack {URL} into a folder {FOLDER} there (CC BY 4.0)",
        )
    listed = {
        part: set((folder / f"{part}_list.txt").read_text(encoding="utf-8").split())
        for part in ("validation", "testing")
    }
    words = tuple(
        sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith(("_", ".")))
    )
    files: dict[str, list[tuple[str, int]]] = {"train": [], "validation": [], "testing": []}
    for label, word in enumerate(words):
        for file in sorted((folder / word).glob("*.wav")):
            name = f"{word}/{file.name}"
            part = next((p for p, names in listed.items() if name in names), "train")
            files[part].append((name, label))

    def opened(part: str, split: str) -> ArrayDataset:
        sounds = np.zeros((len(files[part]), RATE), np.int16)
        for row, (name, _) in zip(sounds, files[part], strict=True):
            sound, rate = read_wav(folder / name)
            if rate != 2 * RATE:
                raise FileFormatError("is at another rate", where=name, value=rate, limit=2 * RATE)
            row[:] = halved(sound)
        labels = np.array([label for _, label in files[part]], np.int64)
        return ArrayDataset(name="GSC", split=split, data=sounds, labels=labels, class_names=words)

    return Parts(
        train=opened("train", "train"),
        validation=opened("validation", "validation"),
        test=opened("testing", "test"),
    )


def halved(sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """One second at half the rate, int16 ``[8000]``, of a sound at 16 kHz."""
    second = np.zeros(2 * RATE)
    second[: len(sound)] = sound[: 2 * RATE]
    return np.clip(np.rint(signal.resample_poly(second, 1, 2)), -(2**15), 2**15 - 1).astype(np.int16)


def mel_filters() -> NDArray[np.float64]:
    """Weights of the bins of the spectrum in each mel band, ``[129, 140]``."""
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (LOWEST, HIGHEST))
    edges = 700.0 * (10.0 ** (np.linspace(low, high, BANDS + 2) / 2595.0) - 1.0)
    bins = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    distance = edges - bins[:, None]
    width = np.diff(edges)
    return np.maximum(0.0, np.minimum(-distance[:, :-2] / width[:-1], distance[:, 2:] / width[1:]))


def spectrogram(sounds: NDArray[np.int16]) -> NDArray[np.float32]:
    """Decibels float32 ``[n, 101, 140]`` of sounds ``[n, 8000]``, whose largest value stands for 1."""
    wave = np.pad(sounds / 2.0**15, ((0, 0), (WINDOW // 2, WINDOW // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW, axis=1)[:, ::HOP]
    power = np.abs(np.fft.rfft(frames * signal.windows.hann(WINDOW, sym=False), axis=2)) ** 2
    return (10.0 * np.log10(np.maximum(power @ mel_filters(), 1e-10))).astype(np.float32)
