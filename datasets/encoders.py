"""Encoders: values between 0 and 1 (images, features) as spikes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Binning, Spikes

__all__ = ["latency", "poisson"]


def poisson(
    values: ArrayLike,
    *,
    rate: float,
    steps: int,
    dt: float,
    seed: int = 0,
    binning: Binning = Binning.MERGE,
    first: int = 0,
) -> Spikes:
    """Rate code: a value v becomes a Poisson process of ``v * rate`` spikes a second, put on the time grid.

    Args:
        values: ``[samples, *shape]``, 0 to 1.
        rate: spikes a second of the value 1.
        steps, dt: the time grid.
        seed: of the random numbers.
        binning: MERGE: a step holds a spike with probability ``1 - exp(-v rate dt)``. COUNT: it holds a Poisson number.
        first: index of the first sample. Sample i of a data set gets the same spikes alone or in any batch if its
            index is the same.

    Returns:
        Spikes of the shape of one sample.
    """
    x = _values(values, "poisson")
    if not (rate >= 0 and math.isfinite(rate)):
        raise DataError("must be a rate", where="poisson, rate", value=rate, limit=">= 0 Hz")
    _grid("poisson", steps, dt)
    size = math.prod(x.shape[1:])
    index = np.arange(steps * size)
    parts = []
    for i, sample in enumerate(x.reshape(len(x), size)):
        u = random.uniform(random.key(seed, "encode", "poisson", first + i), index).reshape(steps, size)
        mean = sample * (rate * dt)
        count = (
            _poisson_quantile(u, mean) if binning is Binning.COUNT else (u >= np.exp(-mean)).astype(np.int32)
        )
        parts.append(Spikes.from_dense(count.reshape(steps, 1, *x.shape[1:]), dt=dt))
    return Spikes.concatenate(parts)


def latency(values: ArrayLike, *, steps: int, dt: float, silent: float = 0.0) -> Spikes:
    """Time to first spike, linear: a value v spikes once, at ``(1 - v) * (steps - 1)`` steps, rounded (halves up).

    The value 1 spikes in step 0, a small one at the end; values at or below ``silent`` do not spike.

    Args:
        values: ``[samples, *shape]``, 0 to 1.
        steps, dt: the time grid; the code takes all of it.
        silent: largest value without a spike.
    """
    x = _values(values, "latency")
    _grid("latency", steps, dt)
    flat = x.reshape(len(x), -1)
    sample, neuron = np.nonzero(flat > silent)
    step = np.floor((1.0 - flat[sample, neuron]) * (steps - 1) + 0.5).astype(np.int64)
    order = np.lexsort((neuron, step, sample))
    return Spikes(
        sample[order], step[order], neuron[order], shape=x.shape[1:], dt=dt, steps=steps, samples=len(x)
    )


def _poisson_quantile(u: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.int32]:
    """The Poisson number n with P(N < n) <= u < P(N <= n), by summing; u ``[k, size]``, mean ``[size]``."""
    if mean.size and mean.max() > 500.0:
        raise DataError(
            "too many spikes in a step",
            where="poisson",
            value=float(mean.max()),
            limit="500",
            remedy="Lower rate or dt",
        )
    term = np.exp(-mean)
    below = term.copy()
    count = np.zeros(u.shape, np.int32)
    # The sum reaches every u < 1 - 2^-53 within mean + 12 sqrt(mean) + 40 terms; rounding must not keep us longer.
    for n in range(1, int(mean.max(initial=0.0) + 12.0 * math.sqrt(mean.max(initial=0.0)) + 40.0)):
        more = u >= below
        if not more.any():
            break
        count += more
        term = term * mean / n
        below = below + term
    return count


def _values(values: ArrayLike, where: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim < 2 or not x.size:
        raise ShapeError("needs samples of some shape", where=where, value=x.shape, limit="[samples, *shape]")
    if not ((x >= 0.0) & (x <= 1.0)).all():  # also refuses NaN
        raise DataError(
            "values outside their range",
            where=where,
            value=f"{x.min():g} to {x.max():g}",
            limit="0 to 1",
            remedy="Scale them first",
        )
    return x


def _grid(where: str, steps: int, dt: float) -> None:
    if steps < 1:
        raise DataError("the run is empty", where=f"{where}, steps", value=steps, limit=">= 1")
    if not (dt > 0 and math.isfinite(dt)):
        raise DataError("the time step must be positive", where=f"{where}, dt", value=dt, limit="> 0 s")
