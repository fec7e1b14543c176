"""Samples with labels: recordings, spikes, arrays and sounds, one immutable container each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.datasets.events import Events, to_spikes
from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Binning, Spikes

__all__ = ["ArrayDataset", "EventDataset", "Labelled", "SoundDataset", "SpikeDataset"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """What all data sets have.

    Attributes:
        name, split: what it is, for tables and reports.
        labels: int64 ``[samples]``, indices into ``class_names``. Read-only.
        class_names: one a class, in the order of the labels.
    """

    name: str
    split: str
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        where = f"data set {self.name!r}, {self.split}"
        labels = np.array(self.labels)
        if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iub"):
            raise DataError("labels must be a vector of whole numbers", where=where, value=str(labels.dtype))
        labels = labels.astype(np.int64)
        if len(labels) != self._samples():
            raise ShapeError(
                "labels and samples differ in number", where=where, value=len(labels), limit=self._samples()
            )
        if labels.size and (labels.min() < 0 or labels.max() >= len(self.class_names)):
            wrong = int(labels[(labels < 0) | (labels >= len(self.class_names))][0])
            raise DataError(
                "label without a class", where=where, value=wrong, limit=f"0 to {len(self.class_names) - 1}"
            )
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "class_names", tuple(self.class_names))

    def _samples(self) -> int:
        raise NotImplementedError

    def _take(self, indices: NDArray[np.int64]) -> dict[str, Any]:
        """The fields of the given samples, besides the labels."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        size = f"{len(self)} samples of {len(self.class_names)} classes"
        return f"{type(self).__name__}({self.name}, {self.split}: {size})"

    def select(self, samples: ArrayLike) -> Self:
        """The given samples (indices, or a mask), in the order given."""
        indices = np.arange(len(self))[np.asarray(samples)].reshape(-1)
        return replace(self, labels=self.labels[indices], **self._take(indices))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SpikeDataset(Labelled):
    """Spikes on the time grid, sample i of the batch labelled ``labels[i]``."""

    spikes: Spikes

    def _samples(self) -> int:
        return self.spikes.samples

    def _take(self, indices: NDArray[np.int64]) -> dict[str, Any]:
        return {"spikes": self.spikes.select(indices)}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EventDataset(Labelled):
    """Recordings of one event sensor, at its full resolution in time."""

    recordings: tuple[Events, ...]

    def _samples(self) -> int:
        return len(self.recordings)

    def _take(self, indices: NDArray[np.int64]) -> dict[str, Any]:
        return {"recordings": tuple(self.recordings[i] for i in indices)}

    def __getitem__(self, index: int) -> tuple[Events, int]:
        return self.recordings[index], int(self.labels[index])

    def map(self, transform: Callable[[Events], Events]) -> EventDataset:
        """Every recording through a transform, e.g. ``data.map(lambda e: crop_time(e, stop=0.3))``."""
        return replace(self, recordings=tuple(transform(r) for r in self.recordings))

    def to_spikes(
        self, *, dt: float, steps: int | None = None, binning: Binning = Binning.COUNT
    ) -> SpikeDataset:
        """On the time grid; see `neurosim.datasets.events.to_spikes`."""
        spikes = to_spikes(self.recordings, dt=dt, steps=steps, binning=binning)
        return SpikeDataset(
            name=self.name, split=self.split, labels=self.labels, class_names=self.class_names, spikes=spikes
        )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ArrayDataset(Labelled):
    """Arrays of one shape, ``data[i]`` labelled ``labels[i]``: images or vectors. ``data`` is read-only."""

    data: NDArray[Any]

    def __post_init__(self) -> None:
        view = np.asarray(self.data).view()
        view.setflags(write=False)
        object.__setattr__(self, "data", view)
        super().__post_init__()

    def _samples(self) -> int:
        return len(self.data)

    def _take(self, indices: NDArray[np.int64]) -> dict[str, Any]:
        return {"data": self.data[indices]}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SoundDataset(Labelled):
    """Sounds of different lengths.

    Attributes:
        sounds: int16 ``[n_i]`` each.
        rate: samples a second.
        speakers: who speaks, one name a sound.
        takes: which of the speaker's recordings of that word it is, int64 ``[samples]``.
    """

    sounds: tuple[NDArray[np.int16], ...]
    rate: int
    speakers: Sequence[str]
    takes: NDArray[np.int64]

    def _samples(self) -> int:
        return len(self.sounds)

    def _take(self, indices: NDArray[np.int64]) -> dict[str, Any]:
        return {
            "sounds": tuple(self.sounds[i] for i in indices),
            "speakers": tuple(self.speakers[i] for i in indices),
            "takes": self.takes[indices],
        }
