"""Checking what a run is given: inputs by name, the duration, and what to record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from neurosim import random
from neurosim.connectivity.delay_rounding import MAX_STEPS
from neurosim.engine.recording import Record
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.network import Network
from neurosim.spikes import Spikes

__all__ = ["checked_inputs", "checked_record", "draw_inputs", "steps_of"]


def checked_inputs(
    inputs: Mapping[str, Spikes | ArrayLike], shapes: Mapping[str, tuple[int, ...]], dt: float
) -> dict[str, Spikes]:
    """Inputs as `Spikes` with the described shapes. Dense counts are [T, B, *shape].

    Raises:
        DataError: unknown names, another time step, batches that differ in size.
        ShapeError: another number of channels.
    """
    if not isinstance(inputs, Mapping):
        raise DataError(
            "inputs are given by name", value=type(inputs).__name__, limit=f"one of {sorted(shapes)}"
        )
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


def draw_inputs(net: Network, duration: float, *, samples: int = 1, seed: int = 0) -> dict[str, Spikes]:
    """The spikes that the sources of a network emit in a run with this seed, from step 0: for engines and machines that
    take spikes only, and to look at.

    Raises:
        DescriptionError: a duration that is no number of seconds.
    """
    steps = steps_of(duration, {}, net.dt)
    return {
        name: part.source.spikes(
            part.shape, net.dt, 0, steps, range(samples), random.key(seed, "source", name)
        )
        for name, part in net.inputs.items()
        if part.source is not None
    }


def steps_of(duration: float | None, given: Mapping[str, Spikes], dt: float) -> int:
    """round(duration/dt), or the length of the longest input.

    Raises:
        DescriptionError: a duration that is no number, negative, or more than 2^31 - 1 steps; none, and no inputs.
    """
    if duration is None:
        if not given:
            raise DescriptionError(
                "without inputs a duration is needed", where="duration", remedy="Pass duration=seconds"
            )
        return max(s.steps for s in given.values())
    if not (isinstance(duration, (int, float, np.number)) and 0 <= duration <= MAX_STEPS * dt):
        raise DescriptionError(
            "the duration must be a number of seconds",
            where="duration",
            value=duration,
            limit=f"0 to {MAX_STEPS * dt:g} s",
        )
    return int(np.floor(duration / dt + 0.5))


def checked_record(
    record: Mapping[str, Record | str] | None,
    default: Iterable[str],
    shapes: Mapping[str, tuple[int, ...]],
    dt: float,
) -> dict[str, Record]:
    """What to record of each population; None records the spikes of ``default``.

    Raises:
        DescriptionError: unknown populations, intervals off the grid.
        ShapeError: neurons that a population does not have.
    """
    if record is not None and not isinstance(record, Mapping):
        raise DescriptionError(
            "must map populations to what to record",
            where="record",
            value=repr(record),
            remedy='Pass e.g. record={"hidden": ns.Record("spikes", "v")}',
        )
    chosen = dict.fromkeys(default, "spikes") if record is None else record
    wanted = {name: r if isinstance(r, Record) else Record(r) for name, r in chosen.items()}
    for name, r in wanted.items():
        if name not in shapes:
            raise DescriptionError("is not a population", where="record", value=name, limit=sorted(shapes))
        size = math.prod(shapes[name])
        if r.neurons and not all(0 <= n < size for n in r.neurons):
            raise ShapeError("neurons out of range", where=f"Record of {name!r}", limit=f"0 to {size - 1}")
        r.stride(dt)
    return wanted
