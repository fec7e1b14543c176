"""Spikes: sparse events on a time grid, for a batch of independent runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DataError, ShapeError

__all__ = ["Binning", "Spikes", "step_of"]

Int32 = NDArray[np.int32]


_LAST_US = (2**63 - 1) // 1000
"""Microseconds that are still 64-bit nanoseconds."""


class Binning(Enum):
    """What several events in one cell (sample, step, neuron) become."""

    COUNT = "count"
    """one spike with a count"""
    MERGE = "merge"
    """one spike"""


def step_of(t_us: ArrayLike, dt: float) -> NDArray[np.int64]:
    """The step floor(t/dt) of integer microseconds t, computed in integers.

    ``dt`` is taken as the nearest fraction of a second with a denominator up to 10^9, so 1/60 is a sixtieth.
    """
    t = np.asarray(t_us)
    if t.dtype.kind not in "iu":
        raise DataError(
            "event times must be integer microseconds", value=str(t.dtype), limit="an integer dtype"
        )
    if not dt >= 1e-9:
        raise DataError("the time step is shorter than a nanosecond", value=dt, limit=">= 1e-9 s")
    if t.size and (t.min() < -_LAST_US or t.max() > _LAST_US):
        raise DataError("an event time is too large", value=int(t.max()), limit=f"{_LAST_US} microseconds")
    # t us / dt = t q / d, and t q // d = (t // d) q + (t % d) q // d, which stays within 64 bits while d q does
    ratio = Fraction(1, 10**6) / Fraction(dt).limit_denominator(10**9)
    q, d = ratio.numerator, ratio.denominator
    exact = t.astype(np.int64) if d * q < 2**62 else t.astype(object)
    whole, rest = np.divmod(exact, d)
    return np.asarray(whole * q + rest * q // d, np.int64)


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Spikes:
    """Spikes of one population on the time grid.

    Attributes:
        sample, step, neuron: int32 vectors of equal length, sorted by (sample, step, neuron), no duplicates.
            ``neuron`` is the flat index in C order of ``shape``.
        count: int32 vector (>= 1), how many spikes fell into the cell, or None: one each.
        shape: the population's shape; sensors use (polarity, y, x).
        dt: time step in seconds.
        steps: length of the run in steps.
        samples: number of independent runs.

    Raises:
        DataError, ShapeError: vectors that are unsorted, duplicated, out of range or of unequal length.
    """

    sample: Int32
    step: Int32
    neuron: Int32
    count: Int32 | None
    shape: tuple[int, ...]
    dt: float
    steps: int
    samples: int

    def __init__(
        self,
        sample: ArrayLike,
        step: ArrayLike,
        neuron: ArrayLike,
        count: ArrayLike | None = None,
        *,
        shape: int | Sequence[int],
        dt: float,
        steps: int,
        samples: int = 1,
    ) -> None:
        put = object.__setattr__
        sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        put(self, "shape", tuple(_whole("shape", n) for n in sizes))
        put(self, "dt", float(dt))
        put(self, "steps", _whole("steps", steps))
        put(self, "samples", _whole("samples", samples))
        for name, values in (("sample", sample), ("step", step), ("neuron", neuron), ("count", count)):
            put(self, name, None if values is None else _vector(name, values))
        if self.count is not None and (self.count == 1).all():
            put(self, "count", None)
        self._validate()

    @classmethod
    def trusted(
        cls,
        sample: Int32,
        step: Int32,
        neuron: Int32,
        count: Int32 | None = None,
        *,
        shape: tuple[int, ...],
        dt: float,
        steps: int,
        samples: int,
    ) -> Spikes:
        """From vectors that hold what the constructor checks, such as those a run recorded: they are neither looked at
        nor copied, and are not for writing any more."""
        made = object.__new__(cls)
        values = {"sample": sample, "step": step, "neuron": neuron, "count": count}
        for vector in values.values():
            if vector is not None:
                vector.setflags(write=False)
        for name, value in {**values, "shape": shape, "dt": dt, "steps": steps, "samples": samples}.items():
            object.__setattr__(made, name, value)
        return made

    def _validate(self) -> None:
        if not (self.dt > 0 and math.isfinite(self.dt)):
            raise DataError("the time step must be positive", where="Spikes.dt", value=self.dt, limit="> 0 s")
        if self.samples * self.steps * self.size >= 2**63:
            raise DataError(
                "too many cells for 64-bit indices",
                where="Spikes",
                value=f"{self.samples} samples x {self.steps} steps x {self.size} neurons",
                limit="2**63 - 1 in all",
            )
        n = len(self.sample)
        for name in ("step", "neuron", "count"):
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise ShapeError(
                    "vectors differ in length", where=f"Spikes.{name}", value=len(values), limit=n
                )
        for name, limit in (("sample", self.samples), ("step", self.steps), ("neuron", self.size)):
            values = getattr(self, name)
            if n and (values.min() < 0 or values.max() >= limit):
                bad = values[(values < 0) | (values >= limit)][0]
                raise DataError(
                    "index out of range", where=f"Spikes.{name}", value=int(bad), limit=f"0 to {limit - 1}"
                )
        if self.count is not None and n and self.count.min() < 1:
            raise DataError(
                "a count must be at least 1", where="Spikes.count", value=int(self.count.min()), limit=">= 1"
            )
        cell = self._cell()
        if (np.diff(cell) <= 0).any():
            raise DataError(
                "spikes are not sorted by (sample, step, neuron) or hold duplicates",
                remedy="Use Spikes.from_events or Spikes.from_dense, which sort and bin",
            )

    def _cell(self) -> NDArray[np.int64]:
        return (self.sample.astype(np.int64) * self.steps + self.step) * self.size + self.neuron

    @property
    def size(self) -> int:
        """Neurons of the population."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return len(self.sample)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spikes):
            return NotImplemented
        mine, theirs = self.counts_of_cells(), other.counts_of_cells()
        return (
            (self.shape, self.dt, self.steps, self.samples)
            == (other.shape, other.dt, other.steps, other.samples)
            and np.array_equal(self.sample, other.sample)
            and np.array_equal(self.step, other.step)
            and np.array_equal(self.neuron, other.neuron)
            and np.array_equal(mine, theirs)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"Spikes({int(self.counts_of_cells().sum())} spikes, shape={self.shape}, samples={self.samples}, "
            f"steps={self.steps}, dt={self.dt:g})"
        )

    @property
    def times(self) -> NDArray[np.float64]:
        """Start of each spike's step in seconds."""
        return self.step.astype(np.float64) * self.dt

    def counts_of_cells(self) -> Int32:
        """The count of each entry, ones where none are held."""
        return np.ones(len(self), np.int32) if self.count is None else self.count

    def counts(self) -> NDArray[np.int64]:
        """Spikes per sample and neuron, ``[B, n]``."""
        flat = self.sample.astype(np.int64) * self.size + self.neuron
        weights = None if self.count is None else self.count
        total = np.bincount(flat, weights=weights, minlength=self.samples * self.size)
        return total.astype(np.int64).reshape(self.samples, self.size)

    def dense(self, dtype: Any = np.float32) -> NDArray[Any]:
        """Counts as ``[T, B, *shape]``. Raises `DataError` if an integer ``dtype`` cannot hold the largest count."""
        x = np.zeros((self.steps, self.samples, self.size), dtype)
        most = 1 if self.count is None else int(self.count.max(initial=1))
        if x.dtype.kind in "iu" and most > np.iinfo(x.dtype).max:
            raise DataError(
                "a count does not fit the dtype",
                where="Spikes.dense",
                value=most,
                limit=np.iinfo(x.dtype).max,
            )
        x[self.step, self.sample, self.neuron] = self.counts_of_cells()
        return x.reshape(self.steps, self.samples, *self.shape)

    @classmethod
    def from_dense(cls, x: ArrayLike, *, dt: float) -> Spikes:
        """From counts ``[T, B, *shape]`` (non-negative whole numbers)."""
        x = np.asarray(x)
        if x.ndim < 3:
            raise ShapeError("a dense view has axes [T, B, *shape]", value=x.shape, limit="3 axes or more")
        flat = x.reshape(x.shape[0], x.shape[1], math.prod(x.shape[2:]))
        sample, step, neuron = np.nonzero(flat.transpose(1, 0, 2))
        count = flat[step, sample, neuron]
        if x.dtype.kind not in "iufb":
            raise DataError("dense spikes must be numbers", value=str(x.dtype))
        if not np.isfinite(count).all() or (count < 0).any() or (count != np.floor(count)).any():
            raise DataError("dense spikes must be whole numbers >= 0", value=float(count.min()))
        return cls(
            sample, step, neuron, count, shape=x.shape[2:], dt=dt, steps=x.shape[0], samples=x.shape[1]
        )

    @classmethod
    def from_events(
        cls,
        t_us: ArrayLike,
        neuron: ArrayLike,
        sample: ArrayLike | None = None,
        *,
        shape: int | Sequence[int],
        dt: float,
        steps: int | None = None,
        samples: int = 1,
        binning: Binning = Binning.COUNT,
    ) -> Spikes:
        """From events in any order: integer microseconds ``t_us`` and flat indices ``neuron``, one of each an event.

        Events at or after ``steps * dt`` are an error, not dropped; crop first. Without ``steps`` the run ends with the
        last event.
        """
        step = step_of(t_us, dt)
        neuron = _indices("neuron", neuron)
        which = np.zeros(len(step), np.int64) if sample is None else _indices("sample", sample)
        if not len(step) == len(neuron) == len(which):
            raise ShapeError("event vectors differ in length", value=(len(step), len(neuron), len(which)))
        size = math.prod((shape,) if isinstance(shape, (int, np.integer)) else shape)
        if steps is None:
            steps = int(step.max()) + 1 if len(step) else 0
        for name, values, limit in (
            ("step", step, steps),
            ("neuron", neuron, size),
            ("sample", which, samples),
        ):
            if len(values) and (values.min() < 0 or values.max() >= limit):
                bad = int(values[(values < 0) | (values >= limit)][0])
                raise DataError(
                    "event outside the run",
                    where=name,
                    value=bad,
                    limit=f"0 to {limit - 1}",
                    remedy="Crop the events first",
                )
        cell, count = np.unique((which * steps + step) * size + neuron, return_counts=True)
        if not isinstance(binning, Binning):
            raise DataError("is not a Binning", where="from_events", value=repr(binning))
        if binning is Binning.MERGE:
            count = np.ones_like(count)
        rest, index = np.divmod(cell, max(size, 1))
        sample_, step_ = np.divmod(rest, max(steps, 1))
        return cls(sample_, step_, index, count, shape=shape, dt=dt, steps=steps, samples=samples)

    def select(self, samples: ArrayLike) -> Spikes:
        """The given samples (indices, a mask ``[B]``, or a range: least is copied), renumbered in the order given."""
        if (
            isinstance(samples, range)
            and samples.step == 1
            and 0 <= samples.start <= samples.stop <= self.samples
        ):
            low, high = np.searchsorted(self.sample, np.array([samples.start, samples.stop], np.int32))
            part = slice(int(low), int(high))
            count = None if self.count is None else self.count[part]
            which = self.sample[part] - np.int32(samples.start)
            frame = self._frame(samples=len(samples))
            return Spikes.trusted(which, self.step[part], self.neuron[part], count, **frame)
        chosen = np.asarray(samples)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        try:
            # int32 as the samples themselves: searching with another type would copy them all
            wanted = np.arange(self.samples, dtype=np.int32)[chosen].reshape(-1)
        except IndexError as error:
            raise DataError(
                "no such samples", where="Spikes.select", value=str(error), limit=f"{self.samples} samples"
            ) from None
        starts = np.searchsorted(self.sample, wanted)
        lengths = np.searchsorted(self.sample, wanted, side="right") - starts
        source = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        count = None if self.count is None else self.count[source]
        which = np.repeat(np.arange(len(wanted)), lengths)
        return Spikes(
            which, self.step[source], self.neuron[source], count, **self._frame(samples=len(wanted))
        )

    def shift(self, steps: int) -> Spikes:
        """All spikes ``steps`` later (or earlier); the run keeps its length and spikes that leave it are dropped."""
        step = self.step + steps
        keep = (step >= 0) & (step < self.steps)
        count = None if self.count is None else self.count[keep]
        return Spikes(self.sample[keep], step[keep], self.neuron[keep], count, **self._frame())

    def resize(self, steps: int) -> Spikes:
        """The same spikes in a run of another length; spikes after its end are dropped."""
        if steps == self.steps:
            return self
        keep = self.step < steps
        count = None if self.count is None else self.count[keep]
        return Spikes(
            self.sample[keep], self.step[keep], self.neuron[keep], count, **self._frame(steps=steps)
        )

    def reshape(self, *shape: int) -> Spikes:
        """The same spikes under another shape of equal size."""
        if math.prod(shape) != self.size:
            raise ShapeError(
                "sizes differ", where="Spikes.reshape", value=shape, limit=f"{self.size} neurons"
            )
        return Spikes(self.sample, self.step, self.neuron, self.count, **self._frame(shape=shape))

    def _frame(self, **changes: Any) -> dict[str, Any]:
        return {"shape": self.shape, "dt": self.dt, "steps": self.steps, "samples": self.samples, **changes}

    @staticmethod
    def concatenate(parts: Sequence[Spikes]) -> Spikes:
        """Batches one after the other; shape, dt and steps must agree."""
        if not parts:
            raise DataError("nothing to concatenate")
        frames = {(p.shape, p.dt, p.steps) for p in parts}
        if len(frames) > 1:
            raise ShapeError("batches differ in shape, dt or steps", value=sorted(frames, key=str))
        first = np.cumsum([0, *(p.samples for p in parts)])
        return Spikes(
            np.concatenate([p.sample + f for p, f in zip(parts, first, strict=False)]),
            np.concatenate([p.step for p in parts]),
            np.concatenate([p.neuron for p in parts]),
            np.concatenate([p.counts_of_cells() for p in parts]),
            **parts[0]._frame(samples=int(first[-1])),
        )

    def aer(self) -> NDArray[Any]:
        """Address events as a structured array with fields ``sample``, ``t`` (microseconds, start of the step),
        ``address`` (flat index) and ``count``, in time order within a sample."""
        events = np.zeros(len(self), [("sample", "i4"), ("t", "i8"), ("address", "i4"), ("count", "i4")])
        events["sample"], events["address"], events["count"] = (
            self.sample,
            self.neuron,
            self.counts_of_cells(),
        )
        events["t"] = self.step.astype(np.int64) * round(self.dt * 1e9) // 1000
        return events

    def structured(self) -> NDArray[Any]:
        """Sensor events of shape (polarity, y, x) as a structured array ``x, y, t, p`` (t in microseconds), one row a
        spike, sample after sample, the layout tonic uses."""
        if len(self.shape) != 3:
            raise ShapeError(
                "needs the sensor shape (polarity, y, x)", where="Spikes.structured", value=self.shape
            )
        index = np.repeat(np.arange(len(self)), self.counts_of_cells())
        p, y, x = np.unravel_index(self.neuron[index], self.shape)
        events = np.zeros(len(index), [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")])
        events["x"], events["y"], events["p"], events["t"] = x, y, p, self.aer()["t"][index]
        return events


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, (int, np.integer)) or value < 0 or value >= 2**31:
        raise DataError(
            "must be a whole number", where=f"Spikes.{name}", value=value, limit=f"0 to {2**31 - 1}"
        )
    return int(value)


def _indices(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iub":
        raise DataError("must hold integers", where=f"from_events: {name}", value=str(array.dtype))
    return array.astype(np.int64)


def _vector(name: str, values: ArrayLike) -> Int32:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ShapeError("must be a vector", where=f"Spikes.{name}", value=array.shape)
    if array.dtype.kind not in "iubf" or (array.dtype.kind == "f" and (array != np.floor(array)).any()):
        raise DataError("must hold whole numbers", where=f"Spikes.{name}", value=str(array.dtype))
    if array.size and (array.min() < -(2**31) or array.max() >= 2**31):
        raise DataError(
            "does not fit 32 bits",
            where=f"Spikes.{name}",
            value=array.max() if array.max() >= 2**31 else array.min(),
            limit=2**31 - 1,
        )
    out = np.ascontiguousarray(array, dtype=np.int32)
    if out is values and out.flags.writeable:
        out = out.copy()
    out.setflags(write=False)
    return out
