from __future__ import annotations

import numpy as np
import pytest

from neurosim.datasets.events import Events
from neurosim.datasets.labelled import ArrayDataset, EventDataset, SoundDataset
from neurosim.datasets.transforms import merge_polarity
from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Binning


def recording(*times: int) -> Events:
    n = len(times)
    return Events(times, [1] * n, [0] * n, [1] * n, shape=(2, 1, 3))


def three() -> EventDataset:
    return EventDataset(
        name="toy",
        split="all",
        recordings=(recording(0, 10, 1500), recording(), recording(2500)),
        labels=np.array([1, 0, 1]),
        class_names=("a", "b"),
    )


def test_events_become_spikes_with_the_same_labels() -> None:
    spikes = three().to_spikes(dt=1e-3, steps=3, binning=Binning.COUNT)
    assert len(spikes) == 3
    assert spikes.labels.tolist() == [1, 0, 1]
    assert spikes.spikes.counts().sum(axis=1).tolist() == [3, 0, 1]
    assert spikes.spikes.step.tolist() == [0, 1, 2]
    assert (spikes.name, spikes.split, spikes.class_names) == ("toy", "all", ("a", "b"))


def test_select_takes_indices_and_masks_in_their_order() -> None:
    data = three()
    some = data.select([2, 0])
    assert [len(r) for r in some.recordings] == [1, 3]
    assert some.labels.tolist() == [1, 1]
    assert data.select(np.array([False, True, False])).recordings == (data.recordings[1],)
    assert data.to_spikes(dt=1e-3).select([2, 0]).spikes == some.to_spikes(dt=1e-3).spikes
    assert data[2] == (data.recordings[2], 1)


def test_map_transforms_every_recording() -> None:
    assert {r.shape for r in three().map(merge_polarity).recordings} == {(1, 1, 3)}


def test_is_immutable() -> None:
    labels = np.array([0, 1])
    data = ArrayDataset(name="x", split="all", data=np.zeros((2, 3)), labels=labels, class_names=("a", "b"))
    labels[0] = 1
    assert data.labels.tolist() == [0, 1]
    for array in (data.labels, data.data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        ([0], ShapeError),
        ([0, 2], DataError),
        ([0, -1], DataError),
        ([0.0, 1.0], DataError),
        ([[0, 1]], DataError),
    ],
)
def test_refuses_labels_that_do_not_fit(labels: list[object], error: type[Exception]) -> None:
    with pytest.raises(error):
        ArrayDataset(
            name="x", split="all", data=np.zeros((2, 3)), labels=np.array(labels), class_names=("a", "b")
        )


def test_sounds_keep_their_speakers() -> None:
    data = SoundDataset(
        name="x",
        split="all",
        sounds=(np.zeros(3, np.int16), np.ones(5, np.int16)),
        rate=8000,
        labels=np.array([0, 0]),
        speakers=("ann", "bo"),
        takes=np.array([3, 4]),
        class_names=("zero",),
    )
    last = data.select([1])
    assert last.speakers == ("bo",)
    assert last.takes.tolist() == [4]
    assert len(last.sounds[0]) == 5
