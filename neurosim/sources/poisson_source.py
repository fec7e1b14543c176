"""Poisson spike trains, of constant or time-varying rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.cell_random import GROUP, group_words, split_key
from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import Value, parameter
from neurosim.sources.current_drive import Ending
from neurosim.sources.drive import check_shapes
from neurosim.sources.source import Source
from neurosim.sources.time_grid import whole_steps
from neurosim.spikes import Binning, Spikes

__all__ = ["PoissonSource", "RateSchedule"]

_MOST_ARRIVALS = 1000.0
"""The largest mean number of spikes per channel and step."""
_MEAN_OF_DRAW = 16.0
"""Larger means are sums of several draws."""


class PoissonSource(Source):
    """Independent Poisson spike trains, one a channel.

    In every step a channel emits N spikes, N ~ Poisson(rate dt), as a count; with ``Binning.MERGE`` it emits one spike
    if N > 0, so with probability 1 - exp(-rate dt) (Brian2's ``PoissonGroup`` takes rate dt). N is drawn by inversion
    of a 32-bit uniform: each P(N > k) is off by at most 2^-33, so a rate by at most a few times 2^-33/dt (1e-6 Hz at
    0.1 ms).

    Attributes:
        rate: Hz; a number or an array of the input's shape. At most 1000 spikes a step.
        binning: what several spikes in a step become.
    """

    rate: Value = parameter(unit="Hz", minimum=0.0)
    binning: Binning = Binning.COUNT

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
        _check_mean(self.rate, dt, f"{where}, PoissonSource.rate")

    def most(self, dt: float) -> int:
        return _most(self.rate, dt, self.binning)

    def spikes(
        self, shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range, key: int
    ) -> Spikes:
        mean = _rows(self.rate, 1) * dt
        return _drawn(mean, np.array([0, stop, 0]), self.binning, shape, dt, first, stop, samples, key)


class RateSchedule(Source):
    """Independent Poisson spike trains whose rate changes with time.

    In step k of the network's life the rate is ``rates[(k - s) // e]``, with s = start/dt and e = every/dt; before
    ``start`` the channels are silent. Spikes are drawn as those of `PoissonSource`.

    Attributes:
        rates: ``[T]``, the same for all channels, or ``[T, *shape]`` of the input; Hz.
        every: how long each rate lasts, s (a multiple of dt).
        start: when the first rate begins, s.
        ending: what follows the last rate.
        binning: what several spikes in a step become.
    """

    rates: Value = parameter(unit="Hz", minimum=0.0)
    every: float = parameter(unit="s", above=0.0)
    start: float = parameter(default=0.0, unit="s", minimum=0.0)
    ending: Ending = Ending.ZERO
    binning: Binning = Binning.COUNT

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        rates = np.asarray(self.rates)
        if rates.ndim == 0 or rates.shape[1:] not in ((), shape):
            raise ShapeError(
                "rates must be [T] or [T, *shape of the input]",
                where=f"{where}, RateSchedule.rates",
                value=rates.shape,
                limit=("T", *shape),
            )
        _check_mean(self.rates, dt, f"{where}, RateSchedule.rates")
        whole_steps(self.every, dt, f"{where}, RateSchedule.every", minimum=1)
        whole_steps(self.start, dt, f"{where}, RateSchedule.start")

    def most(self, dt: float) -> int:
        return _most(self.rates, dt, self.binning)

    def spikes(
        self, shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range, key: int
    ) -> Spikes:
        mean = _rows(self.rates, len(np.asarray(self.rates))) * dt
        start, every = (whole_steps(t, dt, "RateSchedule") for t in (self.start, self.every))
        code = [Ending.ZERO, Ending.HOLD, Ending.REPEAT].index(self.ending)
        times = np.array([start, every, code])
        return _drawn(mean, times, self.binning, shape, dt, first, stop, samples, key)


def _rows(rates: Value, rows: int) -> NDArray[np.float64]:
    return np.ascontiguousarray(np.asarray(rates, np.float64).reshape(rows, -1))


def _check_mean(rates: Value, dt: float, where: str) -> None:
    if (most := float(np.max(rates)) * dt) > _MOST_ARRIVALS:
        raise DescriptionError(
            "too many spikes a step", where=where, value=f"{most:g}", limit=f"{_MOST_ARRIVALS:g}"
        )


def _draws(mean: float) -> int:
    return max(1, math.ceil(mean / _MEAN_OF_DRAW))


def _most(rates: Value, dt: float, binning: Binning) -> int:
    """A bound for the count in a cell: what a draw of 32 bits cannot exceed."""
    if binning is Binning.MERGE:
        return 1
    mean = float(np.max(rates)) * dt
    draws = _draws(mean)
    return draws * _count(mean / draws, 2**32 - 1)


def _drawn(
    mean: NDArray[np.float64], times: NDArray[np.int64], binning: Binning, shape: tuple[int, ...], dt: float,
    first: int, stop: int, samples: range, key: int,
) -> Spikes:  # fmt: skip
    """Counts with ``mean`` [T, 1 or n]; times: first step, steps that a row lasts, 0: then none, 1: hold, 2: repeat."""
    draws = _draws(float(mean.max()))
    mean = mean / draws
    quiet = (np.floor(np.exp(-mean) * 2.0**32 + 0.5) - 1.0).astype(np.uint32)
    sample, step, neuron, count = _draw(
        math.prod(shape), first, stop, samples.start, samples.stop, split_key(key), mean, quiet, draws, times
    )
    return Spikes(
        sample, step, neuron, count if binning is Binning.COUNT else None,
        shape=shape, dt=dt, steps=stop - first, samples=len(samples),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _count(mean: Any, word: Any) -> Any:
    """The least k with word < round(2^32 P(N <= k)): Poisson(mean) of a uniform word of 32 bits."""
    k = 0
    p = math.exp(-mean)
    total = p
    while word >= math.floor(total * 2.0**32 + 0.5):
        k += 1
        p *= mean / k
        total += p
    return k


@njit(cache=True, nogil=True)
def _longer(a: Any, length: Any) -> Any:
    b = np.empty(length, np.int32)
    b[: a.size] = a
    return b


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    n: Any, first: Any, stop: Any, from_sample: Any, to_sample: Any, key: Any, mean: Any, quiet: Any, draws: Any,
    times: Any,
) -> Any:  # fmt: skip
    """(sample, step, neuron, count) of the cells that hold spikes, in order; sample and step from 0. A word that does
    not exceed ``quiet`` is no spike."""
    room = 1024 + 2 * n
    sample, step = np.empty(room, np.int32), np.empty(room, np.int32)
    neuron, count = np.empty(room, np.int32), np.empty(room, np.int32)
    words, counts = np.empty(GROUP, np.uint32), np.empty(GROUP, np.int32)
    found = 0
    for s in range(from_sample, to_sample):
        for k in range(max(first, times[0]), stop):
            row = (k - times[0]) // times[1]
            if row >= len(mean):
                if times[2] == 0:
                    break
                row = len(mean) - 1 if times[2] == 1 else row % len(mean)
            if found + n > room:
                room = 2 * room + n
                sample, step = _longer(sample, room), _longer(step, room)
                neuron, count = _longer(neuron, room), _longer(count, room)
            rates, silent = mean[row], quiet[row]
            for group in range((n + GROUP - 1) // GROUP):
                size = min(GROUP, n - group * GROUP)
                counts[:] = 0
                some = False
                for lane in range(draws):
                    group_words(words, group, k, s, lane, key)
                    loud = np.uint32(0)
                    if rates.size == 1:
                        for i in range(GROUP):
                            loud = np.uint32(loud | np.uint32(words[i] > silent[0]))
                    else:
                        for i in range(size):
                            loud = np.uint32(loud | np.uint32(words[i] > silent[group * GROUP + i]))
                    if loud == 0:
                        continue
                    some = True
                    for i in range(size):
                        at = 0 if rates.size == 1 else group * GROUP + i
                        if words[i] > silent[at]:
                            counts[i] += _count(rates[at], words[i])
                if some:
                    for i in range(size):
                        if counts[i]:
                            sample[found], step[found] = s - from_sample, k - first
                            neuron[found], count[found] = group * GROUP + i, counts[i]
                            found += 1
    return sample[:found].copy(), step[:found].copy(), neuron[:found].copy(), count[:found].copy()
