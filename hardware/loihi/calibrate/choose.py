"""Choosing weight scales by what the chip then does: emulate typical inputs and compare with the float engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.engine.recording import Record, Recording
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi.emulator.device import device_of
from neurosim.hardware.loihi.mapping.mapped_network import MappedNetwork
from neurosim.hardware.loihi.quantise.quantised_plan import HELD_EXACTLY, QuantisedNetwork
from neurosim.hardware.loihi.tables.chip_tables import ChipTables
from neurosim.hardware.manifest import Manifest
from neurosim.spikes import Spikes

__all__ = ["PERCENTILES", "Candidate", "choose"]

PERCENTILES = (100.0, 99.9, 99.0, 95.0)
"""Percentiles of the weights' magnitudes that are tried as the one that uses the full 8 bits."""

_SATURATED = 0.95
"""Share of steps with a spike from which a population counts as saturated."""


@dataclass(frozen=True)
class Candidate:
    """One way to quantise a network, complete with its files."""

    percentile: float
    network: QuantisedNetwork
    mapped: MappedNetwork
    tables: ChipTables
    files: dict[str, bytes | str]
    manifest: Manifest
    notes: tuple[str, ...] = ()
    """lines for the report"""


def choose(
    candidate_at: Callable[[float], Candidate],
    plan: Plan,
    lag: Mapping[str, int],
    calibration: Mapping[str, Spikes],
) -> Candidate:
    """The candidate whose spike counts differ least from the float engine's, neuron by neuron.

    Args:
        candidate_at: makes the candidate of a percentile; those that do not fit the chip are passed over.
        plan: retimed; both run in machine time.
        calibration: inputs by name, in network time; inputs left out stay silent.

    Raises:
        CapacityError: no candidate fits; or with the best one, a population that spikes in the engine falls silent or
            spikes nearly always, or an accumulator wraps.
    """
    inputs, steps = _machine_inputs(plan, lag, calibration)
    record = {name: Record("spikes") for name in plan.populations}
    wanted = _counts(simulate(plan, inputs, steps * plan.dt, record=record))
    best: tuple[float, Candidate, dict[str, NDArray[np.int64]], Recording] | None = None
    reasons: list[CapacityError] = []
    for percentile in PERCENTILES:
        try:
            candidate = candidate_at(percentile)
        except CapacityError as error:
            reasons.append(error)
            continue
        recording = _emulate(candidate, inputs, steps, record)
        found = _counts(recording)
        wraps = sum(e.count for e in recording.events if e.kind == "wrap")
        mismatch = max(
            (float(np.abs(found[n] - c).sum() / max(c.sum(), 1)) for n, c in wanted.items()), default=0.0
        )
        # a wrapped sum is worse than any rounding
        score = mismatch + wraps
        if best is None or score < best[0] - 1e-12:
            best = (score, candidate, found, recording)
        if not wraps and all(s.error < HELD_EXACTLY for s in candidate.network.synapses.values()):
            break  # no other scale holds the weights better, as after training on the chip's own grid
    if best is None:
        raise reasons[0]
    _, candidate, found, recording = best
    _check(plan, wanted, found, recording, steps)
    rates = ", ".join(
        f"{name} {np.abs(found[name] - c).sum() / max(c.sum(), 1):.2%}"
        for name, c in wanted.items()
        if c.any()
    )
    text = f"calibration: percentile {candidate.percentile:g}; spike counts differ by {rates or 'nothing, none spiked'}"
    return replace(candidate, notes=(*candidate.notes, text))


def _machine_inputs(
    plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes]
) -> tuple[dict[str, Spikes], int]:
    steps = max((s.steps for s in calibration.values()), default=0) + max(lag.values(), default=0)
    samples = next((s.samples for s in calibration.values()), 1)
    inputs = {}
    for name, shape in plan.inputs.items():
        silent = Spikes([], [], [], shape=shape, dt=plan.dt, steps=steps, samples=samples)
        inputs[name] = calibration.get(name, silent).resize(steps).shift(lag[name])
    return inputs, steps


def _emulate(
    candidate: Candidate, inputs: Mapping[str, Spikes], steps: int, record: Mapping[str, Record]
) -> Recording:
    device = device_of(candidate.manifest, candidate.tables)
    return device.run(inputs, steps, record, 0, Overflow.AS_CHIP)


def _counts(recording: Recording) -> dict[str, NDArray[np.int64]]:
    return {name: p.spikes.counts() for name, p in recording.items() if p.spikes is not None}


def _check(
    plan: Plan,
    wanted: Mapping[str, NDArray[np.int64]],
    found: Mapping[str, NDArray[np.int64]],
    recording: Recording,
    steps: int,
) -> None:
    remedy = "Change the range of its weights or its threshold; its weights may span too many magnitudes"
    for name, counts in wanted.items():
        where, possible = f"population {name!r}", counts.size * steps
        if counts.any() and not found[name].any():
            raise CapacityError(
                "falls silent on the calibration inputs when quantised",
                where=where,
                value="no spikes",
                limit=f"{counts.sum()} spikes in the float engine",
                remedy=remedy,
            )
        if found[name].sum() > _SATURATED * possible > counts.sum():
            raise CapacityError(
                "saturates on the calibration inputs when quantised",
                where=where,
                value=f"{found[name].sum()} spikes",
                limit=f"{counts.sum()} spikes in the float engine",
                remedy=remedy,
            )
    wraps = [e for e in recording.events if e.kind == "wrap"]
    if wraps:
        first = wraps[0]
        raise CapacityError(
            "a register wraps on the calibration inputs",
            where=f"population {first.population!r}, neuron {first.neuron}, sample {first.sample}, step {first.step}",
            value=first.value,
            remedy="Reduce the fan-in or the spread of the weights",
        )
