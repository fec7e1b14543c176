"""Where two runs of one network part, and why.

The runs come from the engine, another backend or an emulator. They part in the first population, in the order of
the network, whose spikes differ; in it at the earliest step, then the lowest sample and neuron. In a feed-forward
network no mismatch of that population was handed down to it, so its cause is to be sought there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.analysis.cause import Cause, Trace, explain
from neurosim.errors import DataError, ShapeError
from neurosim.loss_report import Loss
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.engine.recording import PopulationRecording, Recording

__all__ = ["Comparison", "Divergence", "PopulationDifference", "compare"]


@dataclass(frozen=True, kw_only=True)
class PopulationDifference:
    """How far the two runs are apart in one population.

    Attributes:
        spikes: number of spikes in each run.
        cells: cells (sample, step, neuron) with a spike in either run.
        differing: cells whose counts differ.
        first_step: the earliest of them, or None.
        samples_differing: number of samples with a differing cell.
        samples: number of samples.
        state: largest absolute difference of each variable recorded in both, over the whole run.
    """

    population: str
    spikes: tuple[int, int]
    cells: int
    differing: int
    first_step: int | None
    samples_differing: int
    samples: int
    state: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Differing cells over cells; 0 for two silent populations."""
        return self.differing / self.cells if self.cells else 0.0

    def to_json(self) -> dict[str, Any]:
        """The fields and the rate as JSON values."""
        return {
            "population": self.population,
            "spikes": list(self.spikes),
            "cells": self.cells,
            "differing": self.differing,
            "rate": self.rate,
            "first_step": self.first_step,
            "samples_differing": self.samples_differing,
            "samples": self.samples,
            "state": dict(self.state),
        }


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """The first cell in which the spikes differ; ``counts`` are the spikes of the two runs in it."""

    population: str
    sample: int
    step: int
    neuron: int
    counts: tuple[int, int]
    cause: Cause

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {
            "population": self.population,
            "sample": self.sample,
            "step": self.step,
            "neuron": self.neuron,
            "counts": list(self.counts),
            "cause": self.cause.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The verdict on two runs, called ``names``; prints as text. ``first`` is None when all spikes agree."""

    populations: tuple[PopulationDifference, ...]
    first: Divergence | None
    dt: float
    names: tuple[str, str] = ("a", "b")

    @property
    def rate(self) -> float:
        """The largest mismatch rate of any population."""
        return max((p.rate for p in self.populations), default=0.0)

    def __str__(self) -> str:
        rows = [
            f"  {p.population:<16} {p.spikes[0]:>16} {p.spikes[1]:>16} {p.differing:>10} {p.rate:>9.3%} "
            f"{'' if p.first_step is None else p.first_step:>10} {p.samples_differing:>7}/{p.samples}"
            + "".join(f"  max |d{name}| {value:.3g}" for name, value in p.state.items())
            for p in self.populations
        ]
        a, b = (f"spikes {name}"[:16] for name in self.names)
        head = f"  {'population':<16} {a:>16} {b:>16} {'differing':>10} {'rate':>9} "
        head += f"{'first step':>10} {'samples':>9}"
        return "\n".join([self.verdict(), head, *rows])

    def verdict(self) -> str:
        """One or two sentences."""
        f = self.first
        if f is None and not any(p.cells for p in self.populations):
            return "The runs agree, but nothing spiked in either."
        if f is None:
            return "The runs agree: every spike of every population."
        when = f"step {f.step} ({f.step * self.dt * 1e3:g} ms) of sample {f.sample}"
        who = f"neuron {f.neuron} spikes {f.counts[0]}x in {self.names[0]} and {f.counts[1]}x in {self.names[1]}"
        return f"The runs part in population {f.population!r} at {when}: {who}.\nCause: {f.cause}."

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "agree": self.first is None,
            "names": list(self.names),
            "rate": self.rate,
            "dt": self.dt,
            "first": None if self.first is None else self.first.to_json(),
            "populations": [p.to_json() for p in self.populations],
        }


def compare(
    a: Recording,
    b: Recording,
    *,
    order: Sequence[str] | None = None,
    losses: Iterable[Loss] = (),
    names: tuple[str, str] = ("a", "b"),
) -> Comparison:
    """Find the first population, step and neuron where the spikes of ``a`` and ``b`` differ, and the cause.

    The cause is read from device events of either run (saturation, wrap, late spikes), from ``losses`` of
    compiling, and from the membrane potentials before that step where both runs recorded them; see
    `neurosim.analysis.cause`.

    Args:
        order: populations from input to output; the order of ``a`` where None. Only those whose spikes were
            recorded in both runs are compared.
        losses: what compiling one of the runs lost.
        names: what the text calls the two runs.

    Raises:
        ShapeError: the runs differ in time step, steps, samples or population shape.
        DataError: no population's spikes were recorded in both, or ``order`` names one that was not.
    """
    pairs = _pairs(a, b, order)
    rows: list[PopulationDifference] = []
    first: tuple[str, int, int, int, tuple[int, int]] | None = None
    for name, (mine, theirs) in pairs.items():
        row, cell = _difference(name, mine, theirs, _states(a[name], b[name]))
        rows.append(row)
        if first is None and cell is not None:
            first = (name, *cell)
    dt = next(iter(pairs.values()))[0].dt
    if first is None:
        return Comparison(populations=tuple(rows), first=None, dt=dt, names=names)
    name, sample, step, neuron, counts = first
    cause = explain(
        population=name,
        sample=sample,
        step=step,
        neuron=neuron,
        events=(*a.events, *b.events),
        losses=tuple(losses),
        trace=_trace(a[name], b[name], sample, step, neuron),
        compared=tuple(pairs)[: tuple(pairs).index(name) + 1],
    )
    found = Divergence(population=name, sample=sample, step=step, neuron=neuron, counts=counts, cause=cause)
    return Comparison(populations=tuple(rows), first=found, dt=dt, names=names)


def _pairs(a: Recording, b: Recording, order: Sequence[str] | None) -> dict[str, tuple[Spikes, Spikes]]:
    pairs: dict[str, tuple[Spikes, Spikes]] = {}
    for name in a:
        mine, theirs = a[name].spikes, b[name].spikes if name in b else None
        if mine is not None and theirs is not None:
            pairs[name] = (mine, theirs)
    if order is not None:
        missing = [name for name in order if name not in pairs]
        if missing:
            raise DataError(
                "spikes were not recorded in both", where="compare", value=missing, limit=list(pairs)
            )
        pairs = {name: pairs[name] for name in order}
    if not pairs:
        raise DataError(
            "the two runs have no population in common",
            where="compare",
            value=(sorted(a), sorted(b)),
            remedy="Record the spikes of the same populations in both",
        )
    for name, both in pairs.items():
        frames = [(s.shape, s.dt, s.steps, s.samples) for s in both]
        if frames[0] != frames[1]:
            raise ShapeError(
                "the runs differ in shape, time step, steps or samples",
                where=f"population {name!r}",
                value=frames[1],
                limit=frames[0],
            )
    return pairs


def _cells(spikes: Spikes) -> NDArray[np.int64]:
    return (spikes.sample.astype(np.int64) * spikes.steps + spikes.step) * spikes.size + spikes.neuron


def _difference(
    name: str, a: Spikes, b: Spikes, state: dict[str, float]
) -> tuple[PopulationDifference, tuple[int, int, int, tuple[int, int]] | None]:
    cell, where = np.unique(np.concatenate([_cells(a), _cells(b)]), return_inverse=True)
    counts = np.zeros((2, len(cell)), np.int64)
    counts[0, where[: len(a)]] = a.counts_of_cells()
    counts[1, where[len(a) :]] = b.counts_of_cells()
    wrong = np.flatnonzero(counts[0] != counts[1])
    rest, neuron = np.divmod(cell[wrong], max(a.size, 1))
    sample, step = np.divmod(rest, max(a.steps, 1))
    found = None
    if len(wrong):
        at = np.lexsort((neuron, sample, step))[0]
        both = (int(counts[0, wrong[at]]), int(counts[1, wrong[at]]))
        found = (int(sample[at]), int(step[at]), int(neuron[at]), both)
    row = PopulationDifference(
        population=name,
        spikes=(int(counts[0].sum()), int(counts[1].sum())),
        cells=len(cell),
        differing=len(wrong),
        first_step=None if found is None else found[1],
        samples_differing=len(np.unique(sample)),
        samples=a.samples,
        state=state,
    )
    return row, found


def _shared(a: PopulationRecording, b: PopulationRecording) -> list[str]:
    if a.every != b.every or a.neurons != b.neurons:
        return []
    return [v for v in a.variables if v in b.variables and a.variables[v].shape == b.variables[v].shape]


def _states(a: PopulationRecording, b: PopulationRecording) -> dict[str, float]:
    pairs = {v: (a.variables[v], b.variables[v]) for v in _shared(a, b)}
    return {
        v: float(np.max(np.abs(np.subtract(x, y, dtype=np.float64)), initial=0.0))
        for v, (x, y) in pairs.items()
    }


def _trace(
    a: PopulationRecording, b: PopulationRecording, sample: int, step: int, neuron: int
) -> Trace | None:
    """The membrane potential (or else another variable) of one neuron in both runs before ``step``."""
    if a.neurons is not None and neuron not in a.neurons:
        return None
    column = neuron if a.neurons is None else a.neurons.index(neuron)
    for variable in sorted(_shared(a, b), key=lambda v: v != "v"):
        steps = np.arange(0, step, a.every)
        x, y = (
            np.asarray(z[: len(steps), sample], np.float64).reshape(len(steps), -1)[:, column]
            for z in (a.variables[variable], b.variables[variable])
        )
        return Trace(variable=variable, steps=steps, a=x, b=y)
    return None
