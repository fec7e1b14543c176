"""Event digits: the 1797 handwritten digits that come with scikit-learn, as a moving event camera sees them.

No download. The images (8 x 8, 17 grey levels; E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits",
UCI Machine Learning Repository, 1998, CC BY 4.0; scikit-learn holds its test part) are seen on 16 x 16 pixels during
three saccades. A digit fills the sensor but for one pixel on either side, and the path is a quarter of the digit, as in
N-MNIST. A recording has some 640 events.

The split is part of the data set and depends on no argument: within each class, digits are ordered by the random word
that `neurosim.random` gives their index (key ``(0, "split", "digits")``), and the first fifth, rounded up, is the test
set: 364 test and 1433 training digits. scikit-learn does not say who wrote which digit, so a writer may be in
both.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.datasets.cache import cached, digest
from neurosim.datasets.events import Events
from neurosim.datasets.labelled import EventDataset, SpikeDataset
from neurosim.datasets.npz import Axis
from neurosim.datasets.sensors.retina import Retina
from neurosim.datasets.sensors.saccades import Saccades
from neurosim.errors import DataError, MissingExtraError
from neurosim.spikes import Binning

__all__ = ["RETINA", "digit_recordings", "event_digits", "split_digits"]

RETINA = Retina(
    shape=(16, 16),
    magnification=1.75,
    threshold_on=0.5,
    threshold_off=0.5,
    dark=0.2,
    saccades=Saccades(extent=3.5),
)
"""The sensor of the event digits. Coarse thresholds keep a recording small; strokes still cross them three times."""

_VERSION = 1  # raise when the sensor's model changes what it records
_STORED: dict[str, tuple[str, tuple[Axis, ...]]] = {
    "t": ("i", ("n",)),
    "x": ("u", ("n",)),
    "y": ("u", ("n",)),
    "p": ("u", ("n",)),
    "offsets": ("i", ("m",)),
    "labels": ("i", ("samples",)),
}


def split_digits(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """bool ``[samples]``: which digits are in the test set. See the module for the rule."""
    order = random.bits(random.key(0, "split", "digits"), np.arange(len(labels)))
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen = members[np.argsort(order[members], kind="stable")][: math.ceil(len(members) / 5)]
        test[chosen] = True
    return test


def digit_recordings(split: str = "train", *, retina: Retina = RETINA, seed: int = 0) -> EventDataset:
    """The event digits as recordings.

    Args:
        split: "train" (1433 digits), "test" (364) or "all" (1797, in scikit-learn's order).
        retina: another sensor.
        seed: another sensor of the same kind: other mismatch, other noise. Digit i is recording i for any split.

    The recordings are kept in the user's cache folder; the first call takes a few seconds.
    """
    if split not in ("train", "test", "all"):
        raise DataError("no such split", where="event digits", value=split, limit="train, test, all")
    images, labels = _digits()
    key = digest({"version": _VERSION, "retina": _facts(retina), "seed": int(seed)}, images, labels)

    def record() -> dict[str, NDArray[Any]]:
        recordings = retina.record_all(images / 16.0, seed=seed)
        joined: dict[str, NDArray[Any]] = {
            c: np.concatenate([getattr(r, c) for r in recordings]) for c in "txyp"
        }
        return joined | {"offsets": np.cumsum([0, *map(len, recordings)]), "labels": labels}

    stored = cached("digits", key, _STORED, record)
    cuts = zip(stored["offsets"][:-1], stored["offsets"][1:], strict=True)
    shape = (2, *retina.shape)
    recordings = tuple(Events(*(stored[c][a:b] for c in "txyp"), shape=shape) for a, b in cuts)
    data = EventDataset(
        name="digits",
        split=split,
        recordings=recordings,
        labels=stored["labels"],
        class_names=tuple(map(str, range(10))),
    )
    if split == "all":
        return data
    test = split_digits(data.labels)
    return data.select(test if split == "test" else ~test)


def event_digits(
    split: str = "train",
    *,
    dt: float = 5e-3,
    binning: Binning = Binning.MERGE,
    retina: Retina = RETINA,
    seed: int = 0,
) -> SpikeDataset:
    """The event digits on the time grid: 60 steps of 5 ms unless told otherwise, shape (2, 16, 16).

    Events of one pixel and polarity in one step are merged to one spike by default, which any target can take as input.
    See `digit_recordings` for the other arguments.
    """
    steps = math.ceil(retina.saccades.total / dt - 1e-9)
    return digit_recordings(split, retina=retina, seed=seed).to_spikes(dt=dt, steps=steps, binning=binning)


def _digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as cause:
        raise MissingExtraError("sklearn", "liquid", cause) from cause
    digits = load_digits()
    return digits.images, digits.target.astype(np.int64)


def _facts(retina: Retina) -> dict[str, Any]:
    return {f.name: repr(getattr(retina, f.name)) for f in dataclasses.fields(retina)}
