"""What a run leaves: spikes and state variables per population. The same class comes out of every engine and
emulator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.state import State
from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

__all__ = ["DeviceEvent", "PopulationRecording", "Record", "Recording", "State"]


class Record(Parameters):
    """What to record of one population: ``Record("spikes", "v", every=1e-3)``.

    Attributes:
        variables: ``"spikes"``, ``"counts"`` and names of the model's state variables; spikes alone when empty. Counts
            are the spikes of each neuron in the whole run, counted without keeping them.
        every: interval in seconds between recorded states (a multiple of dt), from step 0 of the run on; None is every
            step. Spikes and counts are always whole.
        neurons: flat indices whose state is recorded, or None for all. Spikes and counts are always of all.

    Raises:
        DescriptionError: something else than names, a positive interval and whole indices.
    """

    variables: tuple[str, ...] = ("spikes",)
    every: float | None = None
    neurons: tuple[int, ...] | None = None

    def __init__(self, *variables: str, every: float | None = None, neurons: Any = None) -> None:
        if not all(isinstance(v, str) for v in variables):
            raise DescriptionError("takes names of variables", where="Record", value=variables)
        if every is not None and not (isinstance(every, (int, float, np.floating)) and 0 < every < math.inf):
            raise DescriptionError("is not an interval", where="Record.every", value=every, limit="> 0 s")
        if neurons is not None:
            flat = np.asarray(neurons)
            if flat.ndim != 1 or (flat.size and flat.dtype.kind not in "iu"):
                raise DescriptionError(
                    "takes a list of whole numbers", where="Record.neurons", value=repr(neurons)
                )
            neurons = tuple(flat.tolist())
        object.__setattr__(self, "variables", variables or ("spikes",))
        object.__setattr__(self, "every", every)
        object.__setattr__(self, "neurons", neurons)
        self.__post_init__()

    def replace(self, **changes: Any) -> Record:
        fields = {"variables": self.variables, "every": self.every, "neurons": self.neurons, **changes}
        return Record(*fields.pop("variables"), **fields)

    @property
    def states(self) -> tuple[str, ...]:
        """The state variables among ``variables``, each once."""
        return tuple(dict.fromkeys(v for v in self.variables if v not in ("spikes", "counts")))

    @property
    def kept(self) -> tuple[str, ...]:
        """What an engine keeps that does not count spikes itself: spikes in place of counts, and state variables."""
        spiking = "spikes" in self.variables or "counts" in self.variables
        return ("spikes",) * spiking + self.states

    def stride(self, dt: float) -> int:
        """Steps between recorded states."""
        if self.every is None:
            return 1
        steps = round(self.every / dt)
        if steps < 1 or abs(self.every / dt - steps) > 1e-6:
            raise DescriptionError(
                "is not a multiple of dt", where="Record.every", value=self.every, limit=f"n * {dt:g} s"
            )
        return steps


@dataclass(frozen=True)
class DeviceEvent:
    """Something a device did that arithmetic would not: ``kind`` is "saturation", "wrap", "excess" or "late"; ``count``
    of them. ``cause`` says more where a device can tell."""

    kind: str
    population: str
    sample: int
    step: int
    neuron: int
    value: float | None = None
    count: int = 1
    cause: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class PopulationRecording:
    """Recording of one population.

    Attributes:
        spikes: None where they were not recorded.
        variables: name -> [T', B, *shape], or [T', B, k] of k chosen neurons; also attributes of their names.
        every: steps between recorded states.
        neurons: which neurons' state was recorded; None: all.
        counts: spikes of each neuron in the whole run, int64 [B, *shape]; None where they were not recorded.
    """

    spikes: Spikes | None
    variables: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    every: int = 1
    neurons: tuple[int, ...] | None = None
    counts: NDArray[np.int64] | None = None

    @classmethod
    def of_kept(
        cls, record: Record, spikes: Spikes | None, variables: Mapping[str, NDArray[Any]], every: int = 1
    ) -> PopulationRecording:
        """What ``record`` asks for, from what an engine kept for it (`Record.kept`)."""
        counts = counts_of(spikes) if "counts" in record.variables else None
        return cls(spikes if "spikes" in record.variables else None, variables, every, record.neurons, counts)

    def __getattr__(self, name: str) -> NDArray[Any]:
        variables = self.__dict__.get("variables", {})
        if name in variables:
            return variables[name]
        raise AttributeError(f"{name!r} was not recorded; recorded: {sorted(variables)}")

    @property
    def recorded(self) -> tuple[str, ...]:
        """What was recorded: ``"spikes"``, ``"counts"`` and names of variables. Asking does not read a file."""
        spiking = (("spikes", self.spikes), ("counts", self.counts))
        return tuple(name for name, found in spiking if found is not None) + tuple(self.variables)

    def spike_counts(self) -> NDArray[np.int64] | None:
        """Spikes per sample and neuron, [B, n]; None where neither spikes nor counts were recorded. Little of a file is
        held at once."""
        if self.counts is not None:
            return self.counts.reshape(len(self.counts), math.prod(self.counts.shape[1:]))
        return None if self.spikes is None else self.spikes.counts()

    def between(self, start: int, stop: int) -> PopulationRecording:
        """Steps ``start`` to ``stop`` alone, counted from 0 again. ``start`` must be a recorded step. Counts are made
        from the spikes; where only counts were recorded there are none.

        Raises:
            DescriptionError: a start that lies between recorded steps.
        """
        rows = slice(*rows_between(start, stop, self.every if self.variables else 1))
        spikes = None if self.spikes is None else _spikes_between(self.spikes, start, stop)
        variables = {n: v[rows] for n, v in self.variables.items()}
        counts = None if self.counts is None else counts_of(spikes)
        return replace(self, spikes=spikes, variables=variables, counts=counts)

    def __repr__(self) -> str:
        held = [] if self.spikes is None else [repr(self.spikes)]
        held += [] if self.counts is None else [f"counts {list(self.counts.shape)}"]
        held += [f"{name} {list(values.shape)}" for name, values in self.variables.items()]
        return f"PopulationRecording({', '.join(held)})"


@dataclass(frozen=True, eq=False)
class Recording(Mapping[str, PopulationRecording]):
    """Recordings by population name.

    Attributes:
        dt, steps, samples: the run.
        final_state: pass it to the next run to carry on (engine only).
        events: what a device did that arithmetic would not.
        lag: steps by which the machine ran behind network time, per population (already taken out).
        weights: final weights [B, n_syn] of plastic projections.
        held: None, or of a run that was cut short: how many steps of each sample it holds, int64 [B]. ``steps`` is
            the largest of them; of the rest there are no spikes, counts leave it out, and variables are NaN.
    """

    populations: Mapping[str, PopulationRecording]
    dt: float
    steps: int
    samples: int
    final_state: State | None = None
    events: tuple[DeviceEvent, ...] = ()
    lag: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    held: NDArray[np.int64] | None = None

    @property
    def complete(self) -> bool:
        """Whether the run went to its end."""
        return self.held is None

    def between(self, start: int, stop: int) -> Recording:
        """Steps ``start`` to ``stop`` alone, counted from 0 again; of a file only these are read. Counts of a part of
        the run are made from its spikes; where only counts were recorded it has none.

        Raises:
            DescriptionError: steps outside the run, or a start that lies between recorded steps.
        """
        if (start, stop) == (0, self.steps):
            return self
        if not 0 <= start <= stop <= self.steps:
            raise DescriptionError(
                "is not a range of steps", where="between", value=(start, stop), limit=f"0 to {self.steps}"
            )
        parts = {name: p.between(start, stop) for name, p in self.populations.items()}
        events = tuple(
            replace(e, step=e.step - start) for e in self.events if e.step < 0 or start <= e.step < stop
        )
        held = None if self.held is None else np.clip(self.held - start, 0, stop - start)
        piece = replace(self, populations=parts, steps=stop - start, events=events, held=held)
        return piece if stop == self.steps else replace(piece, final_state=None, weights={})

    def pieces(self, steps: int) -> Iterator[Recording]:
        """The recording in pieces of that many steps (the last may be shorter), so that a long one fits into memory."""
        if steps < 1:
            raise DescriptionError("is not a number of steps", where="pieces", value=steps, limit=">= 1")
        for start in range(0, self.steps, steps):
            yield self.between(start, min(start + steps, self.steps))

    def __getitem__(self, name: str) -> PopulationRecording:
        return self.populations[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.populations)

    def __len__(self) -> int:
        return len(self.populations)

    def __repr__(self) -> str:
        held = {name: list(p.recorded) for name, p in self.populations.items()}
        cut = "" if self.complete else ", cut short"
        return f"Recording(steps={self.steps}{cut}, samples={self.samples}, dt={self.dt:g}, {held})"


def rows_between(start: int, stop: int, every: int) -> tuple[int, int]:
    """First row and end of the rows recorded in steps ``start`` to ``stop``."""
    if start % every:
        raise DescriptionError(
            "starts between two recorded steps", where="between", value=start, limit=f"a multiple of {every}"
        )
    return start // every, -(-stop // every)


def counts_of(spikes: Spikes | None) -> NDArray[np.int64] | None:
    """Spikes of each neuron, [B, *shape], if there are any to count."""
    return None if spikes is None else spikes.counts().reshape(spikes.samples, *spikes.shape)


def _spikes_between(spikes: Spikes, start: int, stop: int) -> Spikes:
    inside = (spikes.step >= start) & (spikes.step < stop)
    vectors = (spikes.sample[inside], spikes.step[inside] - np.int32(start), spikes.neuron[inside])
    count = None if spikes.count is None else spikes.count[inside]
    shape, dt, samples = spikes.shape, spikes.dt, spikes.samples
    return Spikes(*vectors, count, shape=shape, dt=dt, steps=stop - start, samples=samples)
