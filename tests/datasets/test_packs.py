from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import packs
from neurosim.errors import DataError, FileFormatError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    return tmp_path


def write_gestures(folder: Path, **changes: np.ndarray) -> None:
    """A pack like DVS128 Gesture's, with 10 recordings of 3 events."""
    arrays = {
        "x": np.tile(np.array([0, 127, 5], np.uint8), 10),
        "y": np.tile(np.array([0, 127, 6], np.uint8), 10),
        "p": np.tile(np.array([0, 1, 1], np.uint8), 10),
        "t": np.tile(np.array([0, 9, 10], np.uint32), 10),
        "offsets": np.arange(11) * 3,
        "label": np.arange(10, dtype=np.uint8),
        "class_names": np.array([f"gesture {i}" for i in range(10)]),
        "sensor_size": np.array([128, 128, 2]),
    }
    np.savez(folder / "dvs_gesture10.npz", **(arrays | changes))


def test_event_pack(folder: Path) -> None:
    write_gestures(folder)
    data = packs.dvs_gesture10()
    assert len(data) == 10
    assert data.class_names[3] == "gesture 3"
    assert data.recordings[9].shape == (2, 128, 128)
    assert data.recordings[9].t.tolist() == [0, 9, 10]


@pytest.mark.parametrize(
    "changes",
    [
        {"offsets": np.arange(11) * 3 + 1},
        {"offsets": np.array([0, 6, 3, 9, 12, 15, 18, 21, 24, 27, 30])},
        {"offsets": np.arange(31)},
        {"t": np.tile(np.array([9, 0, 10], np.uint32), 10)},
        {"x": np.full(30, 128, np.uint8)},
        {"x": np.full(29, 1, np.uint8)},
        {"x": np.zeros(30)},
        {"p": np.full(30, 2, np.uint8)},
        {"label": np.zeros(9, np.uint8)},
        {"sensor_size": np.array([128, 128])},
    ],
)
def test_refuses_a_pack_that_contradicts_itself(folder: Path, changes: dict[str, np.ndarray]) -> None:
    write_gestures(folder, **changes)
    with pytest.raises(FileFormatError, match=r"dvs_gesture10\.npz"):
        packs.dvs_gesture10()


def test_refuses_a_truncated_pack(folder: Path) -> None:
    write_gestures(folder)
    file = folder / "dvs_gesture10.npz"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(FileFormatError, match="truncated"):
        packs.dvs_gesture10()


LOADERS = [
    packs.nmnist,
    packs.dvs_gesture10,
    packs.mnist,
    packs.fashion_mnist,
    packs.yin_yang,
    packs.nordland,
    packs.fsdd,
]


@pytest.mark.parametrize("loader", [*LOADERS, packs.lens])
def test_a_missing_file_or_folder_names_the_variable(
    loader: object, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r"not found.*NEUROSIM_DATA"):
        loader()  # type: ignore[operator]
    for value in (None, str(folder / "absent")):
        if value is None:
            monkeypatch.delenv("NEUROSIM_DATA")
        else:
            monkeypatch.setenv("NEUROSIM_DATA", value)
        with pytest.raises(DataError, match="NEUROSIM_DATA"):
            loader()  # type: ignore[operator]


@pytest.mark.parametrize("loader", LOADERS)
def test_refuses_other_splits(loader: object, folder: Path) -> None:
    write_gestures(folder)
    with pytest.raises(DataError, match="no such split"):
        loader("holdout")  # type: ignore[operator]


@pytest.mark.data
def test_nmnist_has_its_recordings(data_folder: Path) -> None:
    train, test, whole = (packs.nmnist(split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (900, 100, 1000)
    assert sum(map(len, whole.recordings)) == 4_133_231
    assert test.recordings[0] == whole.recordings[900]
    assert np.array_equal(np.concatenate([train.labels, test.labels]), whole.labels)
    assert {r.shape for r in whole.recordings} == {(2, 34, 34)}
    assert 0.3 < max(r.duration for r in whole.recordings) < 0.316


@pytest.mark.data
@pytest.mark.parametrize(("split", "n"), [("train", 60_000), ("test", 10_000)])
@pytest.mark.parametrize("loader", [packs.mnist, packs.fashion_mnist])
def test_image_packs(data_folder: Path, loader: object, split: str, n: int) -> None:
    data = loader(split)  # type: ignore[operator]
    assert data.data.shape == (n, 28, 28)
    assert data.data.dtype == np.uint8
    assert len(np.unique(data.labels)) == len(data.class_names) == 10


@pytest.mark.data
def test_mnist_pack_holds_the_digits_of_nmnist(data_folder: Path) -> None:
    assert np.array_equal(packs.mnist().labels[:1000], packs.nmnist("all").labels)


@pytest.mark.data
def test_the_other_packs(data_folder: Path) -> None:
    gestures = packs.dvs_gesture10()
    assert sorted(gestures.labels.tolist()) == list(range(10))
    assert sum(map(len, gestures.recordings)) == 1_206_710
    assert [len(packs.yin_yang(s)) for s in ("train", "validation", "test")] == [5000, 1000, 1000]
    assert np.allclose(packs.yin_yang().data[:, :2] + packs.yin_yang().data[:, 2:], 1.0)
    for split in ("reference", "query"):
        assert packs.nordland(split).data.shape == (1800, 32, 64)
        assert np.array_equal(packs.nordland(split).labels, np.arange(1800))
    arrays = packs.lens()
    assert arrays["gt_sunset1_x_sunset2"].shape == (
        len(arrays["brisbane_sunset1"]),
        len(arrays["brisbane_sunset2"]),
    )


@pytest.mark.data
def test_spoken_digits_are_split_by_take(data_folder: Path) -> None:
    train, test = packs.fsdd("train"), packs.fsdd("test")
    assert (len(train), len(test), train.rate) == (2700, 300, 8000)
    assert len(set(train.speakers)) == 6
    assert np.bincount(test.labels).tolist() == [30] * 10
    assert sum(map(len, train.sounds)) + sum(map(len, test.sounds)) == 10_498_424
