"""What a run leaves: spikes and state variables per population. The same class comes out of every engine and
emulator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

__all__ = ["DeviceEvent", "PopulationRecording", "Record", "Recording", "State"]


class Record(Parameters):
    """What to record of one population: ``Record("spikes", "v", every=1e-3)``.

    Attributes:
        variables: ``"spikes"`` and names of the model's state variables; spikes alone when empty.
        every: interval in seconds between recorded states (a multiple of dt), from step 0 of the run on; None is every
            step. Spikes are always whole.
        neurons: flat indices whose state is recorded, or None for all. Spikes are always of all.

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
    """Something a device did that arithmetic would not: ``kind`` is "saturation", "wrap" or "late"; ``count``
    of them."""

    kind: str
    population: str
    sample: int
    step: int
    neuron: int
    value: float | None = None
    count: int = 1


@dataclass(frozen=True, eq=False)
class State:
    """Everything needed to go on: state variables [B, n] per population, and arrivals still under way.

    ``arrivals[p]`` is float64 [B, D, n]: what arrives at population p in each of the next D steps. ``extras``
    holds what plastic projections carry.
    """

    variables: Mapping[str, Mapping[str, NDArray[np.float64]]]
    arrivals: Mapping[str, NDArray[np.float64]]
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class PopulationRecording:
    """Recording of one population. ``variables[name]`` is [T', B, *shape] ([T', B, k] for k chosen neurons)."""

    spikes: Spikes | None
    variables: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    every: int = 1
    neurons: tuple[int, ...] | None = None

    def __getattr__(self, name: str) -> NDArray[Any]:
        variables = self.__dict__.get("variables", {})
        if name in variables:
            return variables[name]
        raise AttributeError(f"{name!r} was not recorded; recorded: {sorted(variables)}")

    def __repr__(self) -> str:
        held = [] if self.spikes is None else [repr(self.spikes)]
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
    """

    populations: Mapping[str, PopulationRecording]
    dt: float
    steps: int
    samples: int
    final_state: State | None = None
    events: tuple[DeviceEvent, ...] = ()
    lag: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> PopulationRecording:
        return self.populations[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.populations)

    def __len__(self) -> int:
        return len(self.populations)

    def __repr__(self) -> str:
        held = {
            n: (["spikes"] if p.spikes is not None else []) + sorted(p.variables)
            for n, p in self.populations.items()
        }
        return f"Recording(steps={self.steps}, samples={self.samples}, dt={self.dt:g}, {held})"
