"""Data sets of the tonic library, as recordings of ours.

tonic is licensed under the GPL and is not part of this package: it is imported only when a data set is asked for by
name, and any object that behaves like one of its data sets will do.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.cache_folder import cache_folder
from neurosim.datasets.events import Events
from neurosim.datasets.labelled import EventDataset
from neurosim.errors import DataError, MissingExtraError

__all__ = ["TonicLike", "from_tonic"]


class TonicLike(Protocol):
    """What is needed: a length, and pairs of a structured array of events (fields t, x, ...) and a label."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> tuple[NDArray[Any], Any]: ...


def from_tonic(
    dataset: str | TonicLike,
    *,
    split: str | None = None,
    samples: Iterable[int] | None = None,
    shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    **options: Any,
) -> EventDataset:
    """A data set of tonic, or one like it, read into memory.

    Args:
        dataset: the name of a class in ``tonic.datasets`` ("NMNIST", "SHD", ...), which tonic may download into the
            user's cache folder, or an object with ``dataset[i] -> (events, label)``.
        split: for a name "train", "test" or what the class takes as its ``split``; "all" where it has no splits. None
            is "train", or "all". For an object only what the result is called.
        samples: which ones; all if None.
        shape: the sensor's (polarity, y, x). Default: the object's ``sensor_size`` (x, y, polarity).
        class_names: default: the object's ``classes`` or, where labels are texts, these in alphabetical order.
        options: passed on to the class in ``tonic.datasets``; ``save_to`` is where it keeps its files.

    Raises:
        MissingExtraError: tonic cannot be imported.
        DataError: no such data set, unknown sensor, labels that are neither whole numbers nor texts, invalid events.
    """
    if isinstance(dataset, str):
        name = dataset
        source, split = _open(dataset, split, options)
    elif options:
        raise DataError("options are for data sets given by name", where="from_tonic", value=sorted(options))
    else:
        name, source = type(dataset).__name__, dataset
    sensor = shape or _shape(name, source)
    recordings, found = [], []
    for i in range(len(source)) if samples is None else samples:
        events, label = source[i]
        try:
            recordings.append(Events.from_structured(_one_polarity(np.asarray(events), sensor), shape=sensor))
        except DataError as wrong:
            raise DataError(f"recording {i} is invalid: {wrong}", where=name) from None
        found.append(label)
    labels, names = _labels(
        name, found, getattr(source, "classes", None) if class_names is None else class_names
    )
    return EventDataset(
        name=name, split=split or "all", recordings=tuple(recordings), labels=labels, class_names=names
    )


def _open(name: str, split: str | None, options: dict[str, Any]) -> tuple[Any, str]:
    """The data set and its split. Which argument selects the split differs from class to class."""
    try:
        import tonic.datasets
    except ImportError as cause:
        raise MissingExtraError("tonic", "data", cause) from cause
    classes = {n: c for n, c in vars(tonic.datasets).items() if isinstance(c, type)}
    if name not in classes:
        raise DataError(
            "tonic has no such data set", where="from_tonic", value=name, limit=", ".join(sorted(classes))
        )
    takes = inspect.signature(classes[name]).parameters
    chosen = split or ("train" if {"train", "split"} & set(takes) else "all")
    if "split" in takes:
        selection: dict[str, Any] = {"split": chosen}
    elif "train" in takes and chosen in ("train", "test"):
        selection = {"train": chosen == "train"}
    elif "train" not in takes and chosen == "all":
        selection = {}
    else:
        limit = "train, test" if "train" in takes else "all"
        raise DataError("no such split", where=name, value=chosen, limit=limit)
    options = {"save_to": str(cache_folder() / "tonic"), **selection, **options}
    return classes[name](**options), chosen


def _shape(name: str, source: Any) -> tuple[int, ...]:
    size = getattr(source, "sensor_size", None)
    if size is None or len(size) != 3:
        raise DataError("unknown sensor", where=name, value=size, remedy="Give shape=(polarity, y, x)")
    width, height, polarities = (int(n) for n in size)
    return polarities, height, width


def _one_polarity(events: NDArray[Any], sensor: Sequence[int]) -> NDArray[Any]:
    """Events of a sensor that has only one polarity, which tonic numbers 1, with polarity 0."""
    if sensor[0] != 1 or "p" not in (events.dtype.names or ()):
        return events
    out = events.copy()
    out["p"] = 0
    return out


def _labels(
    name: str, found: Sequence[Any], class_names: Sequence[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if found and all(isinstance(label, str) for label in found):
        names = tuple(sorted(set(found)) if class_names is None or not len(class_names) else class_names)
        unknown = sorted(set(found) - set(names))
        if unknown:
            raise DataError("labels without a class", where=name, value=unknown, limit=names)
        return np.array([names.index(label) for label in found], np.int64), names
    try:
        labels = np.array([int(np.asarray(label).item()) for label in found], np.int64)
    except (TypeError, ValueError):
        raise DataError(
            "labels are neither whole numbers nor texts", where=name, value=repr(found[0])
        ) from None
    if class_names is None or not len(class_names):
        return labels, tuple(map(str, range(int(labels.max(initial=-1)) + 1)))
    return labels, tuple(name.decode() if isinstance(name, bytes) else str(name) for name in class_names)
