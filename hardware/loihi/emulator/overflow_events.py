"""Overflows of a run as events of the network, and what is done about them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from neurosim.engine.recording import DeviceEvent
from neurosim.errors import NumericsError
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi.emulator.chip import Chip
from neurosim.hardware.loihi.emulator.sample_run import Sample
from neurosim.hardware.loihi.numerics.overflow import Cause

__all__ = ["events_of", "report"]

_REMEDY = "Reduce the weights or the input, or give typical inputs as calibration"


def events_of(chip: Chip, samples: Sequence[Sample]) -> tuple[DeviceEvent, ...]:
    """Events of all samples in the order of the steps; what was counted without its place is added to the last one of
    its cause. A compartment that no population has is told by its number."""
    population = np.full(chip.compartments, -1)
    neuron = np.arange(chip.compartments)
    for i, members in enumerate(chip.members.values()):
        population[members], neuron[members] = i, np.arange(len(members))
    names = [*chip.members, ""]
    events = []
    for b, sample in enumerate(samples):
        causes = sample.rows[:, 0].tolist()
        last = {cause: k for k, cause in enumerate(causes)}
        for k, (cause, step, compartment, value) in enumerate(sample.rows.tolist()):
            count = 1
            if last[cause] == k:
                count += int(sample.count[cause]) - causes.count(cause)
            events.append(
                DeviceEvent(
                    Cause.KINDS[cause],
                    names[population[compartment]],
                    b,
                    step,
                    int(neuron[compartment]),
                    float(value),
                    count,
                    Cause.NAMES[cause],
                )
            )
    return tuple(events)


def report(events: tuple[DeviceEvent, ...], overflow: Overflow) -> None:
    """Warn of the first event, or stop.

    Raises:
        NumericsError: there are events, and ``overflow`` is `Overflow.RAISE`.
    """
    if not events or overflow is Overflow.AS_CHIP:
        return
    first = min(events, key=lambda e: (e.sample, e.step))
    what = f"{first.cause}; {sum(e.count for e in events)} overflows in all"
    where = f"population {first.population!r}, neuron {first.neuron}, sample {first.sample}, machine step {first.step}"
    if overflow is Overflow.RAISE:
        raise NumericsError(what, where=where, value=first.value, remedy=_REMEDY)
    warnings.warn(f"{where}: {what} (value {first.value:g}). {_REMEDY}", RuntimeWarning, stacklevel=5)
