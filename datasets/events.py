"""Events: what an event camera (or a cochlea) sends. Address and time of every change, in microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Binning, Spikes

__all__ = ["Events", "to_spikes"]

_DTYPES = {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}
_AXIS = {"p": 0, "y": 1, "x": 2}


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Events:
    """One recording of an event sensor. Immutable; the arrays are read-only and compared by content.

    Attributes:
        t: int64 ``[n]``, microseconds since the start of the recording, not decreasing.
        x, y: uint16 ``[n]``, column and row of the pixel. A cochlea has its channel in ``x`` and ``y = 0``.
        p: uint8 ``[n]``, polarity: 1 is brighter (ON), 0 is darker (OFF).
        shape: the sensor's (polarity, y, x).

    Raises:
        DataError: negative times or times that go back, addresses off the sensor, numbers that are not whole.
        ShapeError: vectors of unequal length, a shape without three axes.
    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]
    shape: tuple[int, int, int]

    def __init__(
        self, t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike, *, shape: Sequence[int]
    ) -> None:
        sensor = tuple(int(n) for n in shape)
        if len(sensor) != 3 or min(sensor) < 1:
            raise ShapeError("a sensor has the shape (polarity, y, x)", where="Events.shape", value=sensor)
        if sensor[0] > 256 or max(sensor[1:]) > 65536:
            raise ShapeError(
                "sensor too large", where="Events.shape", value=sensor, limit="(256, 65536, 65536)"
            )
        object.__setattr__(self, "shape", sensor)
        for name, values in (("t", t), ("x", x), ("y", y), ("p", p)):
            limit = sensor[_AXIS[name]] if name in _AXIS else None
            object.__setattr__(self, name, _vector(name, values, limit))
        lengths = {name: len(getattr(self, name)) for name in _DTYPES}
        if len(set(lengths.values())) > 1:
            raise ShapeError("event vectors differ in length", where="Events", value=lengths)
        back = np.flatnonzero(np.diff(self.t) < 0)
        if back.size:
            raise DataError(
                "time goes back",
                where=f"Events.t, event {int(back[0]) + 1}",
                value=f"{int(self.t[back[0] + 1])} us after {int(self.t[back[0]])} us",
                remedy="Use Events.from_structured, which sorts",
            )

    def __len__(self) -> int:
        return len(self.t)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        return self.shape == other.shape and all(
            np.array_equal(getattr(self, n), getattr(other, n)) for n in _DTYPES
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Events({len(self)} events, shape={self.shape}, {self.duration * 1e3:g} ms)"

    @property
    def duration(self) -> float:
        """Seconds from 0 to just after the last event; 0 without events."""
        return (int(self.t[-1]) + 1) * 1e-6 if len(self) else 0.0

    @property
    def address(self) -> NDArray[np.int64]:
        """int64 ``[n]``: flat index of (p, y, x) in C order of `shape`, the neuron of `neurosim.Spikes`."""
        _, height, width = self.shape
        return (self.p.astype(np.int64) * height + self.y) * width + self.x

    @classmethod
    def from_structured(cls, events: NDArray[Any], *, shape: Sequence[int]) -> Events:
        """From a structured array with fields t, x and, where the sensor has them, y and p (else 0).

        Events are sorted by time; those of equal time keep their order. Other fields are ignored.
        """
        fields = events.dtype.names or ()
        missing = {"t", "x"} - set(fields)
        if missing:
            raise DataError(
                "not an array of events", value=f"fields {fields}", limit="fields t, x and optionally y, p"
            )
        order = np.argsort(events["t"], kind="stable")
        zero = np.zeros(len(order), np.uint8)
        column = {name: events[name][order] if name in fields else zero for name in _DTYPES}
        return cls(**column, shape=shape)

    def structured(self) -> NDArray[Any]:
        """A structured array with fields x, y, t, p in the order and types that tonic uses."""
        out = np.empty(len(self), [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i1")])
        if max(self.shape[1:]) > 2**15 or self.shape[0] > 2**7:
            raise ShapeError("does not fit 16-bit addresses", where="Events.structured", value=self.shape)
        for name in _DTYPES:
            out[name] = getattr(self, name)
        return out

    def take(self, keep: NDArray[Any], *, shape: Sequence[int] | None = None) -> Events:
        """Some of the events: a mask ``[n]`` or increasing indices."""
        return Events(self.t[keep], self.x[keep], self.y[keep], self.p[keep], shape=shape or self.shape)

    def to_spikes(self, *, dt: float, steps: int | None = None, binning: Binning = Binning.COUNT) -> Spikes:
        """This recording as a batch of one; see `to_spikes`."""
        return to_spikes([self], dt=dt, steps=steps, binning=binning)


def to_spikes(
    recordings: Sequence[Events], *, dt: float, steps: int | None = None, binning: Binning = Binning.COUNT
) -> Spikes:
    """Recordings of one sensor as a batch on the time grid: an event at t is in step floor(t/dt).

    Args:
        recordings: all of one shape; recording i becomes sample i.
        dt: time step in seconds.
        steps: length of the run; None ends it with the last event of all recordings.
        binning: whether several events in one cell become a count or one spike.

    Raises:
        DataError: no recordings, or an event at or after ``steps * dt`` (crop first: `crop_time`).
        ShapeError: sensors differ.
    """
    if not recordings:
        raise DataError("no recordings", where="to_spikes", limit="at least one")
    shapes = {r.shape for r in recordings}
    if len(shapes) > 1:
        raise ShapeError("sensors differ", where="to_spikes", value=sorted(shapes), limit="one shape")
    return Spikes.from_events(
        np.concatenate([r.t for r in recordings]),
        np.concatenate([r.address for r in recordings]),
        np.repeat(np.arange(len(recordings)), [len(r) for r in recordings]),
        shape=recordings[0].shape,
        dt=dt,
        steps=steps,
        samples=len(recordings),
        binning=binning,
    )


def _vector(name: str, values: ArrayLike, limit: int | None) -> NDArray[Any]:
    where, dtype = f"Events.{name}", _DTYPES[name]
    array = np.asarray(values)
    if array.ndim != 1:
        raise ShapeError("must be a vector", where=where, value=array.shape)
    whole = array.dtype.kind in "iub" or not array.size
    if not whole and array.dtype.kind == "f":
        whole = bool(np.isfinite(array).all() and (array == np.floor(array)).all())
    if not whole:
        raise DataError("must hold whole numbers", where=where, value=str(array.dtype))
    if array.size:
        low, high = int(array.min()), int(array.max())
        if low < 0:
            raise DataError("must not be negative", where=where, value=low, limit=">= 0")
        if limit is not None and high >= limit:
            raise DataError("address outside the sensor", where=where, value=high, limit=f"0 to {limit - 1}")
        if high >= 2**62:
            raise DataError("time too large", where=where, value=high, limit="< 2^62 us")
    out = np.ascontiguousarray(array, dtype=dtype)
    if out.flags.writeable:  # the caller's own array, or a fresh one: either way nobody may write to ours
        out = out.copy() if np.may_share_memory(out, array) else out
        out.setflags(write=False)
    return out
