"""The plan: a network lowered to flat arrays. Everything is drawn, delays are steps; engines and targets start here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.neurons.model import NeuronModel
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["Plan", "PlanPopulation", "PlanProjection", "Stage", "sorted_synapses"]


@dataclass(frozen=True, eq=False)
class PlanPopulation:
    """Neurons of one model; ``shape`` as described, ``size`` neurons in C order."""

    name: str
    shape: tuple[int, ...]
    model: NeuronModel

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class PlanProjection:
    """Synapses in compressed rows, sorted by (presynaptic neuron, delay, target).

    Attributes:
        row_start: int64 [n_pre + 1]; the synapses of presynaptic neuron i are row_start[i]:row_start[i + 1].
        target: int32 [n_syn], postsynaptic neuron.
        weight: float32 or float64 [n_syn], jump of v or of the synaptic current.
        delay: int32 [n_syn], steps.
    """

    name: str
    pre: str
    post: str
    n_pre: int
    n_post: int
    row_start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[Any]
    delay: NDArray[np.int32]
    plasticity: PlasticityRule | None = None

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return len(self.target)

    @cached_property
    def pre_index(self) -> NDArray[np.int32]:
        """Presynaptic neuron of every synapse, int32 [n_syn]."""
        return np.repeat(np.arange(self.n_pre, dtype=np.int32), np.diff(self.row_start))

    @cached_property
    def min_delay(self) -> int:
        """Shortest delay in steps (0 without synapses)."""
        return int(self.delay.min()) if len(self.delay) else 0

    @cached_property
    def max_delay(self) -> int:
        """Longest delay in steps (0 without synapses)."""
        return int(self.delay.max()) if len(self.delay) else 0


@dataclass(frozen=True)
class Stage:
    """Strongly connected populations, run together.

    ``levels``: groups of populations; zero delays point from an earlier to a later group only. Threads meet after each
    level, every ``block`` steps: the shortest delay inside the stage (0: no projection inside, any block will do).
    """

    levels: tuple[tuple[str, ...], ...]
    block: int

    @property
    def populations(self) -> tuple[str, ...]:
        """All populations of the stage, in order."""
        return tuple(name for level in self.levels for name in level)


@dataclass(frozen=True, eq=False)
class Plan:
    """A whole network as flat arrays. ``inputs`` maps names to shapes; ``stages`` are in topological order."""

    dt: float
    seed: int
    inputs: Mapping[str, tuple[int, ...]]
    populations: Mapping[str, PlanPopulation]
    projections: tuple[PlanProjection, ...]
    outputs: tuple[str, ...]
    stages: tuple[Stage, ...]

    def incoming(self, population: str) -> tuple[PlanProjection, ...]:
        """Projections that end at a population."""
        return tuple(p for p in self.projections if p.post == population)

    def size_of(self, name: str) -> int:
        """Neurons of an input or population."""
        return math.prod(self.inputs[name]) if name in self.inputs else self.populations[name].size


def sorted_synapses(
    pre: NDArray[Any], target: NDArray[Any], weight: NDArray[Any], delay: NDArray[Any], n_pre: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any], NDArray[np.int32]]:
    """Synapses in the order of the plan: (row_start, target, weight, delay). Equal synapses keep their order."""
    order = np.lexsort((target, delay, pre))
    row_start = np.zeros(n_pre + 1, np.int64)
    np.cumsum(np.bincount(pre, minlength=n_pre), out=row_start[1:])
    return row_start, target[order].astype(np.int32), weight[order], delay[order].astype(np.int32)
