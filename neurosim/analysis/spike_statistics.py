"""Statistics and distances of spike trains.

Everything takes `Spikes` and returns plain arrays. A rate is in Hz; a count c in a cell is c spikes at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Spikes

__all__ = ["firing_rate", "interval_variation", "spike_row", "spike_table", "van_rossum_distance"]

Float = NDArray[np.float64]


def firing_rate(spikes: Spikes) -> Float:
    """Spikes per second of each neuron in each sample, ``[B, n]``.

    Raises:
        DataError: the run has no steps.
    """
    if not spikes.steps:
        raise DataError("a run without steps has no rate", where="firing_rate", value=0, limit=">= 1 step")
    return spikes.counts() / (spikes.steps * spikes.dt)


def interval_variation(spikes: Spikes) -> Float:
    """Coefficient of variation of the interspike intervals (standard deviation over mean), ``[B, n]``.

    0 for a clock, 1 for a Poisson process in the limit of short steps; NaN with fewer than two intervals.
    Several spikes in one cell are intervals of zero length.
    """
    order = np.lexsort((spikes.step, spikes.neuron, spikes.sample))
    repeats = spikes.counts_of_cells()[order]
    train = np.repeat((spikes.sample.astype(np.int64) * max(spikes.size, 1) + spikes.neuron)[order], repeats)
    step = np.repeat(spikes.step[order], repeats)
    same = np.diff(train) == 0
    interval = np.diff(step)[same].astype(np.float64)
    which = train[1:][same]
    n = spikes.samples * spikes.size
    count = np.bincount(which, minlength=n)
    mean = np.bincount(which, interval, n) / np.maximum(count, 1)
    variance = np.bincount(which, (interval - mean[which]) ** 2, n) / np.maximum(count, 1)
    defined = (count >= 2) & (mean > 0)
    result = np.full(n, np.nan)
    result[defined] = np.sqrt(variance[defined]) / mean[defined]
    return result.reshape(spikes.samples, spikes.size)


def spike_table(populations: Mapping[str, Spikes]) -> list[dict[str, float | int | str]]:
    """One row a population: neurons, spikes a sample, rate in Hz, share of neurons silent in every sample."""
    return [spike_row(name, s.counts(), s.steps * s.dt) for name, s in populations.items()]


def spike_row(name: str, counts: NDArray[np.int64], duration: float) -> dict[str, float | int | str]:
    """The row of `spike_table` for spike counts [B, n] of a run of ``duration`` seconds."""
    runs, size = max(counts.shape[0], 1), counts.shape[1]
    rate = float(counts.sum() / (runs * max(size, 1) * duration)) if duration else math.nan
    return {
        "population": name,
        "neurons": size,
        "spikes_per_sample": float(counts.sum() / runs),
        "rate": rate,
        "silent": float((counts.sum(0) == 0).mean()) if size else 0.0,
    }


def van_rossum_distance(a: Spikes, b: Spikes, tau: float) -> Float:
    """Distance of van Rossum, "A novel spike distance", Neural Computation 13 (2001), per train ``[B, n]``.

    Both trains are filtered with exp(-t/tau) for t >= 0; D^2 is the integral of the squared difference
    over all time, divided by tau.
    One spike against none gives 1/sqrt(2); two spikes that lie T apart give sqrt(1 - exp(-T/tau)).

    Computed exactly from the spike times, by one pass that decays the difference from spike to spike.

    Args:
        tau: time constant in seconds.

    Raises:
        ShapeError: the runs differ in shape, samples or time step.
        DataError: ``tau`` is not positive.
    """
    if not (tau > 0 and math.isfinite(tau)):
        raise DataError(
            "the time constant must be positive", where="van_rossum_distance", value=tau, limit="> 0 s"
        )
    mine, theirs = (a.shape, a.samples, a.dt), (b.shape, b.samples, b.dt)
    if mine != theirs:
        raise ShapeError("shape, samples or dt differ", where="van_rossum_distance", value=theirs, limit=mine)
    n = a.samples * a.size
    train = np.concatenate([s.sample.astype(np.int64) * s.size + s.neuron for s in (a, b)])
    step = np.concatenate([a.step, b.step])
    sign = np.concatenate([a.counts_of_cells(), -b.counts_of_cells()]).astype(np.float64)
    order = np.lexsort((train, step))  # time by time, every train at most twice a step
    energy, level, last = np.zeros(n), np.zeros(n), np.zeros(n)
    edges = np.append(np.flatnonzero(np.diff(step[order], prepend=-1)), len(order))
    for first, end in itertools.pairwise(edges):
        now = order[first:end]
        k = step[now[0]]
        jump = np.bincount(train[now], sign[now], n)
        decay = np.exp(-(k - last) * a.dt / tau)
        energy += level**2 * (1 - decay**2) / 2
        level = level * decay + jump
        last[:] = k
    energy += level**2 / 2
    result: Float = np.sqrt(energy).reshape(a.samples, a.size)
    return result
