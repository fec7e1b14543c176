"""Checking what a run is given: inputs by name, and the duration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.spikes import Spikes

__all__ = ["checked_inputs", "steps_of"]


def checked_inputs(
    inputs: Mapping[str, Spikes | ArrayLike], shapes: Mapping[str, tuple[int, ...]], dt: float
) -> dict[str, Spikes]:
    """Inputs as `Spikes` with the described shapes. Dense counts are [T, B, *shape].

    Raises:
        DataError: unknown names, another time step, batches that differ in size.
        ShapeError: another number of channels.
    """
    given: dict[str, Spikes] = {}
    for name, value in inputs.items():
        where = f"input {name!r}"
        if name not in shapes:
            raise DataError("the network has no such input", where=where, limit=f"one of {sorted(shapes)}")
        spikes = value if isinstance(value, Spikes) else Spikes.from_dense(np.asarray(value), dt=dt)
        if abs(spikes.dt - dt) > 1e-9 * dt:
            raise DataError(
                "the spikes have another time step",
                where=where,
                value=spikes.dt,
                limit=f"{dt:g} s",
                remedy="Bin the events with the network's dt",
            )
        if spikes.shape != shapes[name]:
            if spikes.size != int(np.prod(shapes[name])):
                raise ShapeError(
                    "the spikes have another shape", where=where, value=spikes.shape, limit=shapes[name]
                )
            spikes = spikes.reshape(*shapes[name])
        given[name] = spikes
    if len({s.samples for s in given.values()}) > 1:
        raise DataError(
            "inputs differ in the number of samples", value={n: s.samples for n, s in given.items()}
        )
    return given


def steps_of(duration: float | None, given: Mapping[str, Spikes], dt: float) -> int:
    """round(duration/dt), or the length of the longest input."""
    if duration is None:
        if not given:
            raise DescriptionError(
                "without inputs a duration is needed", where="duration", remedy="Pass duration=seconds"
            )
        return max(s.steps for s in given.values())
    if not (np.isfinite(duration) and duration >= 0):
        raise DescriptionError(
            "the duration must be a number of seconds", where="duration", value=duration, limit=">= 0 s"
        )
    return int(np.floor(duration / dt + 0.5))
