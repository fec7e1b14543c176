"""One population at work: its state, its coefficients, and the rings in which arrivals wait."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.ops.spike_list import SpikeList, list_of_population
from neurosim.engine.plain_neurons import coefficient_table, initial_values
from neurosim.engine.plan import PlanPopulation
from neurosim.engine.state import State
from neurosim.errors import ShapeError

__all__ = ["Neurons", "Ring", "aligned", "arrivals_of", "new_neurons", "restore_arrivals"]


@dataclass
class Ring:
    """Arrivals of the coming steps at one receptor, [S, slots, n]: sums, or counts to be multiplied by ``weight``."""

    name: str
    receptor: int
    values: NDArray[Any]
    weight: NDArray[Any]
    longest: int
    """steps over which arrivals are under way after a sub-block"""

    @property
    def mask(self) -> int:
        return int(self.values.shape[1]) - 1


@dataclass
class Neurons:
    """One population at work: state [S, n] a variable."""

    population: PlanPopulation
    state: dict[str, NDArray[Any]]
    coefficients: NDArray[Any]
    edges: NDArray[np.int64]
    spikes: SpikeList
    rings: dict[str, Ring] = field(default_factory=dict)


def new_neurons(
    p: PlanPopulation, dt: float, samples: int, edges: NDArray[np.int64], state: State | None, real: Any
) -> Neurons:
    """A population in its initial state, or in that of an earlier run.

    Raises:
        ShapeError: ``state`` has other numbers of samples or neurons.
    """
    held = {name: aligned((samples, p.size), real) for name in p.model.STATE}
    if state is None:
        for name, value in zip(held, initial_values(p.model, dt), strict=True):
            held[name][:] = np.asarray(value, np.float64).reshape(-1)
    else:
        for name in held:
            given = state.variables[p.name][name]
            if given.shape != (samples, p.size):
                limit = (samples, p.size)
                raise ShapeError(
                    "state of another network",
                    where=f"state of {p.name!r}",
                    value=given.shape,
                    limit=limit,
                )
            held[name][:] = given
    coefficients, _ = coefficient_table(p.model, dt, p.size)
    if np.size(p.model.current_gain(dt)) > 1:
        coefficients = np.broadcast_to(coefficients, (len(coefficients), p.size))
    return Neurons(p, held, np.ascontiguousarray(coefficients, real), edges, list_of_population(edges))


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros that begin on a cache line: wide loads then never cross two."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + 64, np.uint8)
    begin = -room.ctypes.data % 64
    return room[begin : begin + size].view(dtype).reshape(shape)


def arrivals_of(neurons: Neurons, step: int, plastic: Iterable[str]) -> dict[str, NDArray[Any]]:
    """What is under way to a population: ring -> what arrives in each of the steps from ``step`` on, [S, D, n]."""
    return {
        ring.name: ring.values[:, (step + np.arange(ring.longest)) & ring.mask]
        for ring in neurons.rings.values()
        if ring.name not in plastic
    }


def restore_arrivals(neurons: Neurons, state: State, plastic: Iterable[str]) -> None:
    """Arrivals under way, into the slots of their steps."""
    name = neurons.population.name
    given = state.arrivals[name]
    rings = {ring.name: ring for ring in neurons.rings.values() if ring.name not in plastic}
    found = {n: a.shape for n, a in given.items()} if isinstance(given, Mapping) else "an array"
    expected = {n: (len(r.values), r.longest, neurons.population.size) for n, r in rings.items()}
    if found != expected:
        raise ShapeError(
            "arrivals of another network", where=f"state of {name!r}", value=found, limit=expected
        )
    for ring_name, ring in rings.items():
        ring.values[:, (state.step + np.arange(ring.longest)) & ring.mask] = given[ring_name]
