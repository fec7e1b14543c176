"""The plan: a network lowered to flat arrays. Everything is drawn, delays are steps; engines and targets start here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.neurons.model import NeuronModel
from neurosim.plasticity.rule import PlasticityRule
from neurosim.sources.drive import Drive
from neurosim.sources.source import Source

__all__ = ["Plan", "PlanDrive", "PlanPopulation", "PlanProjection", "Stage"]


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
        rows: the synapses as they lie in memory.
        receptor: which of the postsynaptic model's ``RECEPTORS`` they act on.

    The arrays below are made from ``rows`` when they are first asked for, and are not for writing. The engine does
    without them, so they cost memory only where they are used.
    """

    name: str
    pre: str
    post: str
    rows: SynapseRows
    receptor: int = 0
    plasticity: PlasticityRule | None = None

    @property
    def n_pre(self) -> int:
        """Presynaptic neurons."""
        return self.rows.n_pre

    @property
    def n_post(self) -> int:
        """Postsynaptic neurons."""
        return self.rows.n_post

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return self.rows.n_synapses

    @property
    def row_start(self) -> NDArray[np.int64]:
        """int64 [n_pre + 1]; the synapses of presynaptic neuron i are row_start[i]:row_start[i + 1]."""
        return self.rows.row_start

    @cached_property
    def target(self) -> NDArray[np.int32]:
        """Postsynaptic neuron of every synapse, int32 [n_syn]."""
        return self.rows.targets()

    @property
    def weight(self) -> NDArray[Any]:
        """Jump of what the receptor has, float32 or float64 [n_syn]; a view of one number where all share it."""
        return self.rows.weights()

    @cached_property
    def delay(self) -> NDArray[np.int32]:
        """Delay of every synapse in steps, int32 [n_syn]; a view of one number where all share it."""
        return self.rows.delays()

    @cached_property
    def pre_index(self) -> NDArray[np.int32]:
        """Presynaptic neuron of every synapse, int32 [n_syn]."""
        return self.rows.sources()

    @cached_property
    def min_delay(self) -> int:
        """Shortest delay in steps (0 without synapses)."""
        return self.rows.delay_range()[0]

    @cached_property
    def max_delay(self) -> int:
        """Longest delay in steps (0 without synapses)."""
        return self.rows.delay_range()[1]

    def with_weights(self, weight: ArrayLike) -> PlanProjection:
        """The same synapses with other weights: one number, or one a synapse in the order of the plan."""
        return replace(self, rows=self.rows.with_weights(weight))

    def delayed(self, steps: int) -> PlanProjection:
        """The same synapses, later by some steps (earlier: a negative number)."""
        return replace(self, rows=self.rows.delayed(steps))


@dataclass(frozen=True, eq=False)
class PlanDrive:
    """A drive on a population. ``receptor`` indexes the model's ``RECEPTORS``; drives of current do not use it."""

    name: str
    population: str
    drive: Drive
    receptor: int = 0


@dataclass(frozen=True)
class Stage:
    """Strongly connected populations, run together.

    ``levels``: groups of populations; zero delays point from an earlier to a later group only. ``block``: how many
    steps can be taken at a time, the shortest delay inside the stage (0: no projection inside, any number will do).
    """

    levels: tuple[tuple[str, ...], ...]
    block: int

    @property
    def populations(self) -> tuple[str, ...]:
        """All populations of the stage, in order."""
        return tuple(name for level in self.levels for name in level)


@dataclass(frozen=True, eq=False)
class Plan:
    """A whole network as flat arrays.

    ``inputs`` maps names to shapes, ``sources`` those inputs that have one to their source of spikes; ``stages`` are in
    topological order.
    """

    dt: float
    seed: int
    inputs: Mapping[str, tuple[int, ...]]
    populations: Mapping[str, PlanPopulation]
    projections: tuple[PlanProjection, ...]
    outputs: tuple[str, ...]
    stages: tuple[Stage, ...]
    drives: tuple[PlanDrive, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)

    def incoming(self, population: str) -> tuple[PlanProjection, ...]:
        """Projections that end at a population."""
        return tuple(p for p in self.projections if p.post == population)

    def size_of(self, name: str) -> int:
        """Neurons of an input or population."""
        return math.prod(self.inputs[name]) if name in self.inputs else self.populations[name].size
