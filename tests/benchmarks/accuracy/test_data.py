from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks.accuracy.data import open_data
from benchmarks.accuracy.parts import Parts
from benchmarks.accuracy.recipe import Data
from neurosim.datasets import ArrayDataset
from neurosim.errors import DataError


def write_heidelberg(file: Path, samples: int, classes: int = 2) -> None:
    """The layout of SHD and SSC: ragged times in seconds and units 0 to 699, labels, and what they are called."""
    file.parent.mkdir(parents=True, exist_ok=True)
    r = np.random.default_rng(0)
    with h5py.File(file, "w") as h5:
        times = h5.create_dataset("spikes/times", samples, h5py.vlen_dtype(np.float16))
        units = h5.create_dataset("spikes/units", samples, h5py.vlen_dtype(np.uint16))
        for i in range(samples):
            n = int(r.integers(20, 60))
            times[i] = np.sort(r.uniform(0, 0.9, n)).astype(np.float16)
            units[i] = np.append(r.integers(0, 700, n - 1), 699).astype(np.uint16)
        h5["labels"] = np.arange(samples, dtype=np.uint16) % classes
        h5["extra/keys"] = np.array([b"zero", b"one"][:classes])
        h5["extra/speaker"] = np.zeros(samples, np.uint16)
    file.with_suffix(".h5.zip").touch()  # tonic takes it for the sign that the download is done


@pytest.mark.parametrize(("name", "parts"), [("SHD", ("train", "test")), ("SSC", ("train", "valid", "test"))])
def test_heidelberg_data_come_through_tonic(
    name: str, parts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tonic")
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    data = Data(name=name, dt=10e-3, steps=50, merge=5, counts=True)
    for k, part in enumerate(parts):
        # part after part is missed
        with pytest.raises(DataError, match=rf"{name.lower()}_{part}.h5 in .*zenkelab.org"):
            open_data(data)
        write_heidelberg(tmp_path / "tonic" / name / f"{name.lower()}_{part}.h5", 4 + k)
    opened = open_data(data)
    assert opened.train.spikes.shape == (1, 1, 140)  # type: ignore[union-attr]
    assert opened.train.class_names == ("zero", "one")
    assert (len(opened.train), len(opened.test)) == (4, 3 + len(parts))
    assert (opened.validation is None) == (name == "SHD")
    spikes = opened.train.spikes  # type: ignore[union-attr]
    assert spikes.steps == 50
    assert 0 < spikes.neuron.max() <= 139
    with h5py.File(tmp_path / "tonic" / name / f"{name.lower()}_train.h5") as h5:
        early = sum(int((np.float64(h5["spikes/times"][i]) < 0.5).sum()) for i in range(4))
    assert int(spikes.counts_of_cells().sum()) == early


def test_yin_yang_is_five_spikes_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    r = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 5000), ("validation", 1000), ("test", 1000)):
        xy = r.random((n, 2))
        arrays |= {f"samples_{split}": np.hstack([xy, 1 - xy]), f"labels_{split}": r.integers(0, 3, n)}
    np.savez(tmp_path / "yin_yang.npz", **arrays)
    parts = open_data(Data(name="yin_yang", dt=1e-3, steps=60))
    spikes = parts.test.spikes  # type: ignore[union-attr]
    assert spikes.shape == (5,)
    assert np.bincount(spikes.sample).tolist() == [5] * 1000
    assert (spikes.step[spikes.neuron == 4] == 0).all()
    assert parts.for_tuning(0.1)[1] is parts.validation


def test_held_out_samples_are_a_share_of_every_class_of_the_training_set() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    train = ArrayDataset(
        name="x", split="train", data=np.arange(100), labels=labels, class_names=("a", "b", "c")
    )
    test = train.select([0])
    kept, aside = Parts(train=train, test=test).for_tuning(0.1)
    assert np.bincount(aside.labels).tolist() == [5, 3, 2]
    assert sorted([*kept.data, *aside.data]) == list(range(100))  # type: ignore[union-attr]
    assert np.array_equal(aside.data, Parts(train=train, test=test).for_tuning(0.1)[1].data)  # type: ignore[union-attr]


def test_refuses_unknown_names() -> None:
    with pytest.raises(DataError, match="spoken_digits"):
        open_data(Data(name="cifar", dt=1.0, steps=1))
