from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from neurosim.datasets import packs
from neurosim.datasets.sensors.cochlea import Cochlea
from neurosim.datasets.sensors.gammatone import Gammatone
from neurosim.datasets.spoken import COCHLEA, SPEAKERS, spoken_digits
from neurosim.errors import DataError, FileFormatError

SMALL = Cochlea(membrane=Gammatone(channels=2), thresholds=(70.0,))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    return tmp_path


def write(folder: Path) -> dict[str, np.ndarray]:
    """A pack in the layout of the real one; every sound has 40 samples of noise but the last, which has none."""
    speaker, label, take = (a.ravel() for a in np.meshgrid(range(6), range(10), range(50), indexing="ij"))
    offsets = np.append(np.arange(3000) * 40, 2999 * 40)
    audio = np.random.default_rng(0).integers(-500, 500, offsets[-1]).astype(np.int16)
    arrays = {
        "audio": audio, "offsets": offsets, "rate": np.array(8000), "speaker_names": np.array(SPEAKERS),
        "label": label.astype(np.uint8), "speaker": speaker.astype(np.uint8), "take": take.astype(np.uint8),
    }  # fmt: skip
    np.savez(folder / "fsdd.npz", **arrays)
    return arrays


def test_splits(folder: Path) -> None:
    arrays = write(folder)
    train, test, whole = (spoken_digits(split, cochlea=SMALL) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (2700, 300, 3000)
    assert whole.recordings[7] == SMALL.record(arrays["audio"][280:320], 8000)
    assert len(whole.recordings[2999]) == 0
    assert (
        test.recordings[5] == whole.recordings[50]
    )  # after takes 0 to 4 of the first digit those of the second
    assert test.labels[5] == 1
    train, test = (spoken_digits(split, without="theo", cochlea=SMALL) for split in ("train", "test"))
    place = SPEAKERS.index("theo") * 500
    assert test.recordings == whole.recordings[place : place + 500]
    assert train.recordings == whole.recordings[:place] + whole.recordings[place + 500 :]
    assert len(list((folder / "cache" / "datasets").iterdir())) == 1


def test_reads_the_repository_where_there_is_no_pack(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = folder / "free-spoken-digit-dataset" / "recordings"
    recordings.mkdir(parents=True)
    for name, sound in (("3_theo_12", 5), ("3_theo_2", 6), ("0_lucas_7", 7)):
        wavfile.write(recordings / f"{name}.wav", 8000, np.full(sound, sound, np.int16))
    (recordings / "notes.txt").write_text("not a recording")
    with pytest.raises(FileFormatError, match="3 recordings"):
        packs.fsdd()
    monkeypatch.setattr(packs, "FSDD_RECORDINGS", 3)
    data = packs.fsdd("all")
    assert data.speakers == ("lucas", "theo", "theo")
    assert data.takes.tolist() == [7, 2, 12]
    assert data.labels.tolist() == [0, 3, 3]
    assert [len(s) for s in data.sounds] == [7, 6, 5]
    assert len(packs.fsdd("test")) == 1


def test_says_where_the_sounds_come_from(folder: Path) -> None:
    with pytest.raises(DataError, match=r"git clone https://github.com/\S+ \(CC BY-SA 4.0"):
        spoken_digits()
    with pytest.raises(DataError, match="no such split"):
        spoken_digits("validation")
    with pytest.raises(DataError, match="george"):
        spoken_digits(without="nobody")


@pytest.mark.data
def test_the_cochlea_hears_the_real_digits(data_folder: Path) -> None:
    sounds = packs.fsdd("test")
    some = COCHLEA.record_all(sounds.sounds[:30], sounds.rate)
    assert 300 < np.mean([len(r) for r in some]) < 4000
    assert sounds.speakers[0] == SPEAKERS[0]
