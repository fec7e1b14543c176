"""Transforms of recordings: pure functions Events -> Events."""

from __future__ import annotations

import numpy as np

from neurosim.datasets.events import Events
from neurosim.errors import DataError

__all__ = ["crop_space", "crop_time", "downsample", "merge_polarity"]


def crop_time(events: Events, start: float = 0.0, stop: float | None = None) -> Events:
    """The events of [start, stop) seconds, with ``start`` as the new time 0.

    ``start`` and ``stop`` are rounded to whole microseconds; ``stop=None`` keeps everything after ``start``.
    """
    first = round(start * 1e6)
    last = None if stop is None else round(stop * 1e6)
    if first < 0 or (last is not None and last < first):
        raise DataError(
            "not an interval of time", where="crop_time", value=(start, stop), limit="0 <= start <= stop"
        )
    a = int(np.searchsorted(events.t, first))
    b = len(events) if last is None else int(np.searchsorted(events.t, last))
    return Events(events.t[a:b] - first, events.x[a:b], events.y[a:b], events.p[a:b], shape=events.shape)


def crop_space(events: Events, *, top: int = 0, left: int = 0, height: int, width: int) -> Events:
    """The events of a rectangle of the sensor, which becomes a sensor of its own."""
    polarities, rows, columns = events.shape
    if min(top, left) < 0 or min(height, width) < 1 or top + height > rows or left + width > columns:
        raise DataError(
            "the rectangle leaves the sensor",
            where="crop_space",
            value=f"rows {top} to {top + height - 1}, columns {left} to {left + width - 1}",
            limit=f"{rows} rows, {columns} columns",
        )
    x, y = events.x.astype(np.int64) - left, events.y.astype(np.int64) - top
    keep = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return Events(events.t[keep], x[keep], y[keep], events.p[keep], shape=(polarities, height, width))


def downsample(events: Events, factor: int) -> Events:
    """Pixels of ``factor`` x ``factor`` joined into one; every event is kept, at a ragged border too."""
    if factor < 1:
        raise DataError("must be a whole number of pixels", where="downsample", value=factor, limit=">= 1")
    polarities, rows, columns = events.shape
    shape = (polarities, -(-rows // factor), -(-columns // factor))
    return Events(events.t, events.x // factor, events.y // factor, events.p, shape=shape)


def merge_polarity(events: Events) -> Events:
    """ON and OFF events as one kind: shape (1, y, x)."""
    return Events(events.t, events.x, events.y, np.zeros_like(events.p), shape=(1, *events.shape[1:]))
