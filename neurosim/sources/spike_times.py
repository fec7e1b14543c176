"""Spikes at given times, and at regular ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.delay_rounding import GRID_TOLERANCE
from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import Value, parameter
from neurosim.sources.drive import check_shapes
from neurosim.sources.source import Source
from neurosim.spikes import Spikes

__all__ = ["RegularSource", "SpikeTimes"]

_MOST_AT_ONCE = 1000


class SpikeTimes(Source):
    """Spikes at given times, in every sample: a NEST ``spike_generator``, a Brian2 ``SpikeGeneratorGroup``.

    A spike at time t is emitted in step floor(t/dt + 1e-6), so that times on the grid are not a step early. Several of
    one channel in a step are a count.

    Attributes:
        times: seconds from the beginning of the network's life, in any order; ``[N]``.
        channels: the flat index of the channel of each; ``[N]``.
    """

    times: Value = parameter(unit="s", minimum=0.0)
    channels: NDArray[np.int64]

    def __post_init__(self) -> None:
        super().__post_init__()
        times, channels = np.atleast_1d(self.times), np.asarray(self.channels)
        if channels.dtype.kind not in "iu" or channels.ndim != 1 or times.shape != channels.shape:
            raise ShapeError(
                "times and channels must be vectors of the same length, channels of whole numbers",
                where="SpikeTimes",
                value=(times.shape, channels.shape),
            )
        if channels.size and channels.min() < 0:
            raise DescriptionError(
                "a channel is negative", where="SpikeTimes.channels", value=int(channels.min())
            )
        order = np.lexsort((channels, times))
        for name, values in (("times", times[order]), ("channels", channels[order].astype(np.int64))):
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        size = int(np.prod(shape))
        if self.channels.size and self.channels.max() >= size:
            raise ShapeError(
                "the input has no such channel",
                where=f"{where}, SpikeTimes.channels",
                value=int(self.channels.max()),
                limit=f"0 to {size - 1}",
            )

    def most(self, dt: float) -> int:
        cell = np.stack([_step_of(np.asarray(self.times), dt), self.channels])
        return int(np.unique(cell, axis=1, return_counts=True)[1].max(initial=1))

    def spikes(
        self, shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range, key: int
    ) -> Spikes:
        times = np.asarray(self.times)
        some = slice(*np.searchsorted(times, [(first - 1) * dt, (stop + 1) * dt]))
        return _gathered(_step_of(times[some], dt), self.channels[some], shape, dt, first, stop, samples)


class RegularSource(Source):
    """Every channel spikes at the times phase + j interval, j = 0, 1, ...; each in step floor(t/dt + 1e-6).

    Attributes:
        interval: s; a number or an array of the input's shape.
        phase: time of the first spike, s; a number or an array of the input's shape.
    """

    interval: Value = parameter(unit="s", above=0.0)
    phase: Value = parameter(default=0.0, unit="s", minimum=0.0)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
        if (least := float(np.min(self.interval))) < dt / _MOST_AT_ONCE:
            raise DescriptionError(
                "too many spikes a step",
                where=f"{where}, RegularSource.interval",
                value=least,
                limit=f">= {dt / _MOST_AT_ONCE:g} s",
            )

    def most(self, dt: float) -> int:
        return int(dt / np.min(self.interval)) + 1

    def spikes(
        self, shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range, key: int
    ) -> Spikes:
        interval, phase = (np.broadcast_to(v, shape).reshape(-1) for v in (self.interval, self.phase))
        begin = np.maximum(np.floor(((first - 1) * dt - phase) / interval), 0).astype(np.int64)
        end = np.maximum(np.ceil(((stop + 1) * dt - phase) / interval) + 1, 0).astype(np.int64)
        length = np.maximum(end - begin, 0)
        channel = np.repeat(np.arange(len(length)), length)
        j = np.arange(channel.size) - np.repeat(np.cumsum(length) - length - begin, length)
        step = _step_of(phase[channel] + j * interval[channel], dt)
        return _gathered(step, channel, shape, dt, first, stop, samples)


def _step_of(times: NDArray[np.float64], dt: float) -> NDArray[np.int64]:
    return np.floor(times / dt + GRID_TOLERANCE).astype(np.int64)


def _gathered(
    step: NDArray[Any], channel: NDArray[Any], shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range
) -> Spikes:  # fmt: skip
    """The same spikes in every sample: those of the steps from first to stop."""
    size, copies = int(np.prod(shape)), len(samples)
    inside = (step >= first) & (step < stop)
    cell, count = np.unique((step[inside] - first) * size + channel[inside], return_counts=True)
    return Spikes(
        np.repeat(np.arange(copies, dtype=np.int32), len(cell)),
        np.tile((cell // size).astype(np.int32), copies),
        np.tile((cell % size).astype(np.int32), copies),
        np.tile(count.astype(np.int32), copies),
        shape=shape, dt=dt, steps=stop - first, samples=copies,
    )  # fmt: skip
