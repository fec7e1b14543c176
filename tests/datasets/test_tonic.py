from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from neurosim.datasets.tonic import from_tonic
from neurosim.errors import DataError, MissingExtraError


class Fake:
    """Behaves like a data set of tonic: structured events, a sensor_size of (x, y, polarity)."""

    sensor_size: tuple[int, ...] | None = (7, 5, 2)

    def __init__(self, labels: list[Any] | None = None, **options: Any) -> None:
        self.labels = [2, 0, 1] if labels is None else labels
        self.options = options

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        events = np.zeros(index + 1, [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
        events["x"], events["y"], events["t"], events["p"] = 6, 4, np.arange(index + 1)[::-1] * 10, True
        return events, self.labels[index]


def test_wraps_any_object_that_behaves_like_one() -> None:
    data = from_tonic(Fake(), split="test")
    assert (data.name, data.split, len(data)) == ("Fake", "test", 3)
    assert data.labels.tolist() == [2, 0, 1]
    assert data.class_names == ("0", "1", "2")
    assert {r.shape for r in data.recordings} == {(2, 5, 7)}
    assert data.recordings[2].t.tolist() == [0, 10, 20]  # sorted
    assert data.recordings[0].address.tolist() == [np.ravel_multi_index((1, 4, 6), (2, 5, 7))]


def test_takes_only_the_samples_asked_for() -> None:
    data = from_tonic(Fake(), samples=[2, 0])
    assert [len(r) for r in data.recordings] == [3, 1]
    assert data.labels.tolist() == [1, 2]


def test_labels_may_be_texts() -> None:
    data = from_tonic(Fake(["walk", "arm", "walk"]))
    assert data.class_names == ("arm", "walk")
    assert data.labels.tolist() == [1, 0, 1]
    with pytest.raises(DataError, match="without a class"):
        from_tonic(Fake(["walk", "arm", "walk"]), class_names=["arm"])


def test_a_cochlea_has_neither_y_nor_polarity() -> None:
    class Cochlea(Fake):
        sensor_size = (700, 1, 1)

        def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
            return np.array([(5, 699)], [("t", "i8"), ("x", "i8")]), np.int64(0)

    assert from_tonic(Cochlea()).recordings[0].address.tolist() == [699]


def test_refuses_unknown_sensors_labels_and_events() -> None:
    fake = Fake()
    fake.sensor_size = None
    with pytest.raises(DataError, match="shape="):
        from_tonic(fake)
    assert from_tonic(fake, shape=(2, 5, 7)).recordings[0].shape == (2, 5, 7)
    with pytest.raises(DataError, match=r"recording 0.*0 to 2"):
        from_tonic(fake, shape=(2, 5, 3))
    with pytest.raises(DataError, match="labels"):
        from_tonic(Fake([np.zeros(3), 1, 2]))
    with pytest.raises(DataError, match="by name"):
        from_tonic(Fake(), train=True)


def install(monkeypatch: pytest.MonkeyPatch, **classes: type) -> None:
    library, module = types.ModuleType("tonic"), types.ModuleType("tonic.datasets")
    library.datasets = module  # type: ignore[attr-defined]
    module.__dict__.update(classes)
    monkeypatch.setitem(sys.modules, "tonic", library)
    monkeypatch.setitem(sys.modules, "tonic.datasets", module)


def test_opens_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class NMNIST(Fake):
        def __init__(self, save_to: str, train: bool = True, first_saccade_only: bool = False) -> None:
            super().__init__()
            seen.append((save_to, train, first_saccade_only))

    class SSC(Fake):
        def __init__(self, save_to: str, split: str = "train") -> None:
            super().__init__()
            seen.append((save_to, split))

    class ASLDVS(Fake):
        def __init__(self, save_to: str) -> None:
            super().__init__()
            seen.append((save_to,))

    seen: list[tuple[Any, ...]] = []
    install(monkeypatch, NMNIST=NMNIST, SSC=SSC, ASLDVS=ASLDVS)
    monkeypatch.setenv("NEUROSIM_CACHE", "/cache")
    data = from_tonic("NMNIST", split="test", first_saccade_only=True)
    assert (data.name, data.split) == ("NMNIST", "test")
    assert from_tonic("NMNIST").split == "train"
    assert from_tonic("SSC", split="valid", save_to="/data").split == "valid"
    assert from_tonic("ASLDVS").split == "all"
    cache = "/cache/tonic"
    assert seen == [(cache, False, True), (cache, True, False), ("/data", "valid"), (cache,)]
    with pytest.raises(DataError, match="ASLDVS, NMNIST, SSC"):
        from_tonic("MNIST")
    with pytest.raises(DataError, match="train, test"):
        from_tonic("NMNIST", split="valid")
    with pytest.raises(DataError, match=r"allowed: all"):
        from_tonic("ASLDVS", split="train")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tonic", None)
    with pytest.raises(MissingExtraError, match=r"neurosim-toolkit\[data\]"):
        from_tonic("NMNIST")


def test_the_heidelberg_sets_number_their_only_polarity_one_and_name_classes_in_bytes() -> None:
    class Heidelberg(Fake):
        sensor_size = (700, 1, 1)
        classes = np.array([b"zero", b"one", b"two"])

        def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
            events = np.zeros(2, [("t", int), ("x", int), ("p", int)])
            events["x"], events["p"] = 699, 1
            return events, np.int64(self.labels[index])

    data = from_tonic(Heidelberg())
    assert data.class_names == ("zero", "one", "two")
    assert data.recordings[0].p.tolist() == [0, 0]
    assert data.recordings[0].address.tolist() == [699, 699]
