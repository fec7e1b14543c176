"""What a run leaves: spikes and state variables per population. The same class comes out of every engine and
emulator."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.network import Network

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


Tree = Any
"""An array, or a mapping from names to trees."""


@dataclass(frozen=True, eq=False)
class State:
    """Everything a network needs to go on, bit for bit. The first axis of every array is the sample.

    Attributes:
        variables: population -> state variable -> [B, n].
        arrivals: population -> ring -> [B, D, n], what is under way: it arrives in each of the next D steps.
        extras: plastic projection -> what it carries (weights, traces), by names that may nest.
        step: steps that the network has lived; random streams and sources go on from there.
    """

    variables: Mapping[str, Mapping[str, NDArray[Any]]]
    arrivals: Mapping[str, Tree]
    extras: Mapping[str, Tree] = field(default_factory=dict)
    step: int = 0

    @property
    def samples(self) -> int:
        """Number of independent runs.

        Raises:
            ShapeError: arrays that differ in it.
        """
        sizes = {a.shape[0] for a in _leaves((self.variables, self.arrivals, self.extras))}
        if len(sizes) > 1:
            raise ShapeError("arrays differ in the number of samples", where="State", value=sorted(sizes))
        return sizes.pop() if sizes else 0

    def select(self, samples: Any) -> State:
        """The state of some samples (a slice or a list of indices), in that order."""
        parts = [_map(lambda a: a[samples], t) for t in (self.variables, self.arrivals, self.extras)]
        return State(parts[0], parts[1], parts[2], self.step)

    @staticmethod
    def concatenate(states: Sequence[State]) -> State:
        """Batches of one network, at one step, one after the other.

        Raises:
            ShapeError: no states, states of different steps, or of different networks.
        """
        if len({s.step for s in states}) != 1:
            raise ShapeError(
                "takes states of one step", where="State.concatenate", value=[s.step for s in states]
            )
        if len(states) == 1:
            return states[0]
        names = ("variables", "arrivals", "extras")
        try:
            parts = [_map(lambda *a: np.concatenate(a), *(getattr(s, n) for s in states)) for n in names]
        except (KeyError, ValueError) as error:
            raise ShapeError("states of different networks", where="State.concatenate") from error
        return State(parts[0], parts[1], parts[2], states[0].step)

    def same(self, other: State) -> bool:
        """Whether two states are equal bit for bit (NaN equals itself), with the same names and types."""
        mine, theirs = ((s.variables, s.arrivals, s.extras) for s in (self, other))
        return self.step == other.step and _same(mine, theirs)

    def save(self, path: str | os.PathLike[str], net: Network | None = None) -> None:
        """Write to an HDF5 file, whole or not at all; ``net`` is remembered by its hash (`load` compares it)."""
        from neurosim.engine.state_file import save_state
        from neurosim.network_file import network_hash

        save_state(self, path, None if net is None else network_hash(net))

    @staticmethod
    def load(path: str | os.PathLike[str], net: Network | None = None) -> State:
        """Read what `save` wrote.

        Raises:
            FileFormatError: the file is missing, damaged or foreign.
            DataError: it was saved with another network than ``net``.
        """
        from neurosim.engine.state_file import load_state
        from neurosim.network_file import network_hash

        return load_state(path, None if net is None else network_hash(net))


def _map(function: Callable[..., Any], *trees: Tree) -> Tree:
    """Trees of equal names, merged array by array."""
    if not isinstance(trees[0], Mapping):
        return function(*trees)
    if any(set(t) != set(trees[0]) for t in trees):
        raise KeyError(f"{sorted(trees[0])}")
    return {name: _map(function, *(t[name] for t in trees)) for name in trees[0]}


def _leaves(tree: Tree) -> Iterator[NDArray[Any]]:
    if isinstance(tree, (Mapping, tuple)):
        for part in tree.values() if isinstance(tree, Mapping) else tree:
            yield from _leaves(part)
    else:
        yield np.asarray(tree)


def _same(a: Tree, b: Tree) -> bool:
    if isinstance(a, tuple):
        return all(map(_same, a, b))
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and set(a) == set(b) and all(_same(a[n], b[n]) for n in a)
    x, y = np.asarray(a), np.asarray(b)
    return (
        not isinstance(b, Mapping) and (x.dtype, x.shape) == (y.dtype, y.shape) and x.tobytes() == y.tobytes()
    )


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

    @property
    def recorded(self) -> tuple[str, ...]:
        """What was recorded: ``"spikes"`` and names of variables. Asking does not read a file."""
        return (() if self.spikes is None else ("spikes",)) + tuple(self.variables)

    def spike_counts(self) -> NDArray[np.int64] | None:
        """Spikes per sample and neuron, [B, n]; None where they were not recorded. Little of a file is held at once."""
        return None if self.spikes is None else self.spikes.counts()

    def between(self, start: int, stop: int) -> PopulationRecording:
        """Steps ``start`` to ``stop`` alone, counted from 0 again. ``start`` must be a recorded step.

        Raises:
            DescriptionError: a start that lies between recorded steps.
        """
        rows = slice(*rows_between(start, stop, self.every if self.variables else 1))
        spikes = None if self.spikes is None else _spikes_between(self.spikes, start, stop)
        return replace(self, spikes=spikes, variables={n: v[rows] for n, v in self.variables.items()})

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
        held: None, or of a run that was cut short: how many steps of each sample it holds, int64 [B]. ``steps`` is
            the largest of them; of the rest there are no spikes, and variables are NaN.
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
        """Steps ``start`` to ``stop`` alone, counted from 0 again; of a file only these are read.

        Raises:
            DescriptionError: steps outside the run, or a start that lies between recorded steps.
        """
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


def _spikes_between(spikes: Spikes, start: int, stop: int) -> Spikes:
    inside = (spikes.step >= start) & (spikes.step < stop)
    vectors = (spikes.sample[inside], spikes.step[inside] - np.int32(start), spikes.neuron[inside])
    count = None if spikes.count is None else spikes.count[inside]
    shape, dt, samples = spikes.shape, spikes.dt, spikes.samples
    return Spikes(*vectors, count, shape=shape, dt=dt, steps=stop - start, samples=samples)
