from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import digits
from neurosim.datasets.cache import digest
from neurosim.datasets.digits import RETINA, digit_recordings, event_digits, split_digits
from neurosim.errors import DataError, MissingExtraError

FIRST_TEST_DIGITS = [5, 17, 34, 39, 54, 58, 61, 62]
TOTAL_EVENTS = 1_151_917
CONTENT = "18c722fd8fb5b182"

sklearn_datasets = pytest.importorskip("sklearn.datasets")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A cache of these tests' own: they make the digits once, from scratch."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("NEUROSIM_CACHE", str(folder))
        yield folder


def test_the_split_is_fixed_stratified_and_disjoint() -> None:
    labels = sklearn_datasets.load_digits().target
    test = split_digits(labels)
    assert int(test.sum()) == 364
    per_class = np.bincount(labels[test], minlength=10)
    assert np.array_equal(per_class, np.ceil(np.bincount(labels) / 5))
    assert np.flatnonzero(test)[:8].tolist() == FIRST_TEST_DIGITS
    assert np.array_equal(split_digits(labels[:0]), np.zeros(0, bool))


def test_every_digit_is_in_one_split_with_its_label() -> None:
    train, test, whole = (digit_recordings(s) for s in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (1433, 364, 1797)
    images = sklearn_datasets.load_digits()
    assert np.array_equal(whole.labels, images.target)
    mask = split_digits(images.target)
    assert test.recordings[5] == whole.recordings[np.flatnonzero(mask)[5]]
    assert train.recordings[5] == whole.recordings[np.flatnonzero(~mask)[5]]
    assert whole.recordings[17] == RETINA.record(images.images[17] / 16.0, seed=0, index=17)


def test_recordings_are_the_same_on_every_machine() -> None:
    """A change of these numbers changes every published accuracy: raise the version of the digits with it."""
    whole = digit_recordings("all")
    assert sum(map(len, whole.recordings)) == TOTAL_EVENTS
    assert (
        digest({}, *(np.concatenate([getattr(r, c) for r in whole.recordings]) for c in "txyp"))[:16]
        == CONTENT
    )


def test_sizes_suit_a_small_network() -> None:
    data = event_digits("test")
    assert data.spikes.shape == (2, 16, 16)
    assert (data.spikes.steps, data.spikes.dt) == (60, 5e-3)
    assert data.spikes.count is None
    per_sample = data.spikes.counts().sum(axis=1)
    assert per_sample.min() > 200
    assert per_sample.max() < 1000
    assert 500 < per_sample.mean() < 800


def test_the_file_is_reused_and_another_sensor_is_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    some = sklearn_datasets.load_digits()
    monkeypatch.setattr(digits, "_digits", lambda: (some.images[:20], some.target[:20]))
    first = digit_recordings("all")
    assert len(list((tmp_path / "datasets").iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr(digits.Retina, "record_all", None)  # would fail if it were needed
        assert digit_recordings("all").recordings == first.recordings
    assert digit_recordings("all", seed=1).recordings[0] != first.recordings[0]
    coarse = digit_recordings("all", retina=RETINA.replace(threshold_on=1.0))
    assert len(coarse.recordings[0]) < len(first.recordings[0])
    assert len(list((tmp_path / "datasets").iterdir())) == 3


def test_the_events_tell_the_digits_apart() -> None:
    """Linear least squares on counts in six bins of 50 ms gets 95.9 % of the 364 test digits right."""
    from sklearn.linear_model import RidgeClassifier

    def features(split: str) -> tuple[np.ndarray, np.ndarray]:
        data = event_digits(split)
        bins = data.spikes.dense().reshape(6, 10, len(data), -1).sum(axis=1)
        return np.sqrt(bins.transpose(1, 0, 2).reshape(len(data), -1)), data.labels

    model = RidgeClassifier(alpha=100.0).fit(*features("train"))
    assert model.score(*features("test")) >= 0.95


def test_refuses_other_splits_and_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="train, test, all"):
        event_digits("valid")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match="liquid"):
        event_digits("test")
