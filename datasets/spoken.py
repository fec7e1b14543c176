"""Spoken digits: the recordings of the Free Spoken Digit Dataset as a spiking cochlea hears them.

3000 recordings of ten English digits by six speakers at 8 kHz (Z. Jackson et al., Free Spoken Digit Dataset,
https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0), fifty of every digit by every speaker. The
official split keeps takes 0 to 4 for the test: 300 recordings of speakers that are also in the training set. Leaving a
speaker out tests on the 500 recordings of one and trains on the 2500 of the other five; the six test sets of all
speakers together are every recording once.

A recording has some 1200 events in 64 channels; half of all recordings last less than 0.42 s, 95 % less than 0.67 s and
the longest 2.3 s.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.datasets.cache import cached, digest
from neurosim.datasets.events import Events
from neurosim.datasets.labelled import EventDataset
from neurosim.datasets.npz import Axis
from neurosim.datasets.packs import fsdd
from neurosim.datasets.sensors.cochlea import Cochlea
from neurosim.errors import DataError

__all__ = ["COCHLEA", "SPEAKERS", "spoken_digits"]

COCHLEA = Cochlea(thresholds=(75.0, 95.0, 130.0))
"""The sensor of the spoken digits: three cells a channel, from one that fires while a sound lasts to one at onsets."""

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")

_VERSION = 1  # raise when the sensor's model changes what it records
_STORED: dict[str, tuple[str, tuple[Axis, ...]]] = {
    "t": ("i", ("n",)),
    "x": ("u", ("n",)),
    "y": ("u", ("n",)),
    "offsets": ("i", ("m",)),
}


def spoken_digits(
    split: str = "train", *, without: str | None = None, cochlea: Cochlea = COCHLEA, seed: int = 0
) -> EventDataset:
    """The spoken digits as recordings of a cochlea, events of shape (1, ganglion cells, channels).

    Args:
        split: "train", "test" or "all" (3000, in the data set's order).
        without: a speaker of `SPEAKERS` who is left out of the training set and makes up the test set, instead of the
            official split by takes.
        cochlea: another sensor.
        seed: of the sensor's mismatch, if it has any.

    The recordings are kept in the user's cache folder; the first call takes some ten seconds.

    Raises:
        DataError: no such split or speaker, or the sounds are not there (see `neurosim.datasets.packs.fsdd`).
    """
    if split not in ("train", "test", "all"):
        raise DataError("no such split", where="spoken digits", value=split, limit="train, test, all")
    if without is not None and without not in SPEAKERS:
        raise DataError("no such speaker", where="spoken digits", value=without, limit=", ".join(SPEAKERS))
    sounds = fsdd("all")
    whole = np.concatenate(sounds.sounds)
    lengths = np.array([len(s) for s in sounds.sounds])
    key = digest(
        {"version": _VERSION, "cochlea": repr(cochlea), "seed": int(seed), "rate": sounds.rate},
        whole,
        lengths,
    )

    def record() -> dict[str, NDArray[Any]]:
        recordings = cochlea.record_all(sounds.sounds, sounds.rate, seed=seed)
        joined: dict[str, NDArray[Any]] = {
            c: np.concatenate([getattr(r, c) for r in recordings]) for c in "txy"
        }
        return joined | {"offsets": np.cumsum([0, *map(len, recordings)])}

    stored = cached("spoken_digits", key, _STORED, record)
    cuts = zip(stored["offsets"][:-1], stored["offsets"][1:], strict=True)
    recordings = tuple(
        Events(
            stored["t"][a:b],
            stored["x"][a:b],
            stored["y"][a:b],
            np.zeros(b - a, np.uint8),
            shape=cochlea.shape,
        )
        for a, b in cuts
    )
    data = EventDataset(
        name="spoken_digits",
        split=split if without is None else f"{split}, without {without}",
        recordings=recordings,
        labels=sounds.labels,
        class_names=sounds.class_names,
    )
    if split == "all":
        return data
    test = sounds.takes < 5 if without is None else np.array(sounds.speakers) == without
    return data.select(test if split == "test" else ~test)
