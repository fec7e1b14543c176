"""The arrays of a running simulation, and the loop over blocks, stages and levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.delivery import deliver_events, deliver_raster, split_by_target
from neurosim.engine.neuron_kernel import coefficient_table, initial_state, update_kernel
from neurosim.engine.plan import Plan, PlanProjection, Stage
from neurosim.engine.plasticity_kernel import PlasticSynapses
from neurosim.engine.recording import Record, State
from neurosim.errors import NumericsError, ShapeError
from neurosim.spikes import Spikes

__all__ = ["BLOCK", "Chunk", "Workspace", "workspace_bytes"]

BLOCK = 64
"""Steps per block: feed-forward populations are updated this many steps at a time."""

Map = Callable[..., Iterable[Any]]


def ring_slots(plan: Plan, name: str) -> int:
    """Slots of a population's ring buffer: a power of two that holds a block and the longest delay."""
    need = BLOCK + max((p.max_delay for p in plan.incoming(name)), default=0) + 1
    return 1 << (need - 1).bit_length()


def workspace_bytes(plan: Plan, wanted: Mapping[str, Record]) -> int:
    """Memory of one sample's working arrays."""
    total = 0
    for name, p in plan.populations.items():
        states = len(p.model.STATE)
        traced = states * BLOCK if name in wanted and set(wanted[name].variables) - {"spikes"} else 0
        total += p.size * (8 * (states + ring_slots(plan, name) + traced) + BLOCK)
    return total + sum(16 * p.n_synapses for p in plan.projections if p.plasticity is not None)


@dataclass
class Neurons:
    """One population at work: state [n_state, S, n], ring [S, slots, n], raster [S, BLOCK, n]."""

    size: int
    update: Callable[..., None]
    coefficients: NDArray[np.float64]
    varies: int
    state: NDArray[np.float64]
    ring: NDArray[np.float64]
    raster: NDArray[np.uint8]
    trace: NDArray[np.float64]
    edges: NDArray[np.int64]
    done: int = 0
    """first step that was not updated yet"""

    @property
    def mask(self) -> int:
        return self.ring.shape[1] - 1


@dataclass
class InputEvents:
    """Spikes of an input, and how far they are known (always to the end)."""

    step: NDArray[np.int32]
    neuron: NDArray[np.int32]
    count: NDArray[np.int32]
    cell: NDArray[np.int64]
    """sample * steps + step of each spike, to find the spikes of some steps"""
    spikes: Spikes


@dataclass
class Synapses:
    """A static projection at work: one part for each range of targets; ``pulled``: first step not delivered yet."""

    projection: PlanProjection
    parts: list[tuple[NDArray[Any], ...]]
    pulled: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Chunk:
    """What is left of a chunk of samples when its working arrays are given back.

    ``spikes``: population -> (sample, step, neuron), sorted; ``traces``: (population, variable) -> [T', S, n].
    """

    samples: int
    spikes: Mapping[str, tuple[NDArray[np.int32], ...]]
    traces: Mapping[tuple[str, str], NDArray[np.float64]]
    state: State


class Workspace:
    """One chunk of samples at work."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Spikes],
        steps: int,
        samples: int,
        wanted: Mapping[str, Record],
        state: State | None,
        parts: int,
    ) -> None:
        self.plan, self.steps, self.samples, self.wanted, self.parts = plan, steps, samples, wanted, parts
        self.modulation: dict[str, NDArray[np.float64]] = {}
        self._inputs = {name: _events(spikes) for name, spikes in inputs.items()}
        self._neurons = {name: self._new_neurons(name, state) for name in plan.populations}
        self._static: dict[str, list[Synapses]] = {name: [] for name in plan.populations}
        self._plastic: dict[str, list[PlasticSynapses]] = {name: [] for name in plan.populations}
        for p in plan.projections:
            if p.plasticity is not None:
                extra = state.extras.get(p.name) if state else None
                events = inputs.get(p.pre)
                self._plastic[p.post].append(PlasticSynapses(p, plan.dt, samples, BLOCK, events, extra))
            elif p.n_synapses and (p.pre in plan.populations or p.pre in inputs):
                split = split_by_target(p, self._neurons[p.post].edges)
                self._static[p.post].append(Synapses(p, split, [0] * len(split)))
        self._spikes: dict[str, list[tuple[NDArray[Any], ...]]] = {
            n: [] for n, r in wanted.items() if "spikes" in r.variables
        }
        self._traces: dict[tuple[str, str], list[NDArray[Any]]] = {
            (n, v): [] for n, r in wanted.items() for v in r.variables if v != "spikes"
        }

    def _new_neurons(self, name: str, state: State | None) -> Neurons:
        population, samples = self.plan.populations[name], self.samples
        model, size = population.model, population.size
        values = initial_state(model, self.plan.dt, samples, size)
        ring = np.zeros((samples, ring_slots(self.plan, name), size))
        if state is not None:
            for i, variable in enumerate(model.STATE):
                values[i] = _fitting(state.variables[name][variable], (samples, size), f"state of {name!r}")
            arrivals = state.arrivals[name]
            if arrivals.ndim != 3 or arrivals.shape[1] > ring.shape[1] or arrivals.shape[2] != size:
                raise ShapeError(
                    "arrivals of another network", where=f"state of {name!r}", value=arrivals.shape
                )
            ring[:, : arrivals.shape[1]] = arrivals
        coefficients, varies = coefficient_table(model, self.plan.dt, size)
        traced = name in self.wanted and bool(set(self.wanted[name].variables) - {"spikes"})
        return Neurons(
            size=size,
            update=update_kernel(model, self.plan.dt),
            coefficients=coefficients,
            varies=varies,
            state=values,
            ring=ring,
            raster=np.zeros((samples, BLOCK, size), np.uint8),
            trace=np.zeros((len(model.STATE), samples, BLOCK if traced else 0, size)),
            edges=np.array([round(i * size / self.parts) for i in range(self.parts + 1)], np.int64),
        )

    def run(self, map_parts: Map) -> Chunk:
        """All steps. ``map_parts`` maps a function over the parts, in threads or not; it returns when all are done."""
        for first in range(0, self.steps, BLOCK):
            stop = min(first + BLOCK, self.steps)
            for stage in self.plan.stages:
                self._run_stage(stage, first, stop, map_parts)
            # rasters are overwritten by the next block: deliver what feedback projections have not seen yet
            list(
                map_parts(lambda part, f=first: self._pull(self.plan.populations, part, f), range(self.parts))
            )
            for synapses in (s for group in self._plastic.values() for s in group):
                self._observe(synapses, first, stop)
            self._collect(first, stop)
        return Chunk(
            self.samples,
            {name: self._spikes_of(name) for name in self._spikes},
            {key: self._trace_of(*key) for key in self._traces},
            self._final_state(),
        )

    def _run_stage(self, stage: Stage, first: int, stop: int, map_parts: Map) -> None:
        plastic = any(self._plastic[name] for name in stage.populations)
        length = 1 if plastic else (stage.block or BLOCK)
        for start in range(first, stop, length):
            end = min(start + length, stop)
            for level in stage.levels:
                for name in level:
                    for synapses in self._plastic[name]:
                        self._observe(synapses, first, start + 1)
                        synapses.deliver(start, self._neurons[name].ring)
                list(
                    map_parts(
                        lambda part, a=(level, first, start, end): self._advance(part, *a), range(self.parts)
                    )
                )
                for name in level:
                    neurons = self._neurons[name]
                    neurons.done = end
                    for synapses in self._plastic[name]:
                        m = self.modulation.get(synapses.projection.name)
                        synapses.learn(
                            start, neurons.raster[:, start - first], None if m is None else m[start]
                        )

    def _observe(self, synapses: PlasticSynapses, first: int, until: int) -> None:
        name = synapses.projection.pre
        if name in self._neurons:
            synapses.observe(self._neurons[name].raster, first, min(until, self._neurons[name].done))
        else:
            synapses.observe(None, first, until)

    def _advance(self, part: int, level: tuple[str, ...], first: int, start: int, end: int) -> None:
        self._pull(level, part, first)
        for name in level:
            p = self._neurons[name]
            low, high = p.edges[part], p.edges[part + 1]
            p.update(
                p.state,
                p.coefficients,
                p.varies,
                p.ring,
                p.mask,
                p.raster,
                p.trace,
                first,
                start,
                end,
                low,
                high,
            )

    def _pull(self, names: Iterable[str], part: int, first: int) -> None:
        """Deliver to some populations what their sources have emitted since the last pull."""
        for name in names:
            ring, mask = self._neurons[name].ring, self._neurons[name].mask
            for s in self._static[name]:
                row_start, target, delay, weight = s.parts[part]
                start, source = s.pulled[part], s.projection.pre
                if source in self._inputs:
                    stop = min(first + BLOCK, self.steps)
                    e = self._inputs[source]
                    pointer = self._pointer(e, start, stop)
                    deliver_events(
                        pointer, e.step, e.neuron, e.count, row_start, target, delay, weight, ring, mask
                    )
                else:
                    stop = self._neurons[source].done
                    raster = self._neurons[source].raster
                    deliver_raster(raster, first, start, stop, row_start, target, delay, weight, ring, mask)
                s.pulled[part] = stop

    def _pointer(self, e: InputEvents, start: int, stop: int) -> NDArray[np.int64]:
        base = np.arange(self.samples, dtype=np.int64)[:, None] * max(e.spikes.steps, 1)
        return np.searchsorted(e.cell, base + np.array([[start, stop]]))

    def _collect(self, first: int, stop: int) -> None:
        for name, neurons in self._neurons.items():
            if not np.isfinite(neurons.state).all():
                v, s, n = (int(i[0]) for i in np.nonzero(~np.isfinite(neurons.state)))
                variable = self.plan.populations[name].model.STATE[v]
                raise NumericsError(
                    f"{variable} became NaN or infinite between steps {first} and {stop}",
                    where=f"population {name!r}, sample {s}, neuron {n}",
                    remedy="Look for weights that grow without bound, or a time constant shorter than dt under Euler",
                )
        for name, found in self._spikes.items():
            sample, step, neuron = np.nonzero(self._neurons[name].raster[:, : stop - first])
            found.append((sample.astype(np.int32), (step + first).astype(np.int32), neuron.astype(np.int32)))
        for (name, variable), rows_found in self._traces.items():
            r = self.wanted[name]
            rows = np.arange(first, stop)
            rows = rows[rows % r.stride(self.plan.dt) == 0] - first
            values = self._neurons[name].trace[self.plan.populations[name].model.STATE.index(variable)][
                :, rows
            ]
            if r.neurons is not None:
                values = values[:, :, list(r.neurons)]
            rows_found.append(values.transpose(1, 0, 2).copy())

    def _spikes_of(self, name: str) -> tuple[NDArray[np.int32], ...]:
        """(sample, step, neuron) of a population, sorted."""
        found = self._spikes[name]
        if not found:
            return tuple(np.zeros(0, np.int32) for _ in range(3))
        sample, step, neuron = (np.concatenate(a) for a in zip(*found, strict=True))
        order = np.argsort(sample, kind="stable")  # blocks are sorted inside, and follow each other in time
        return sample[order], step[order], neuron[order]

    def _trace_of(self, name: str, variable: str) -> NDArray[np.float64]:
        """Recorded state, [T', S, n]."""
        found = self._traces[name, variable]
        neurons = self.wanted[name].neurons
        width = self._neurons[name].size if neurons is None else len(neurons)
        return np.concatenate(found) if found else np.zeros((0, self.samples, width))

    def _final_state(self) -> State:
        """What the next run needs to carry on."""
        variables, arrivals = {}, {}
        for name, p in self._neurons.items():
            variables[name] = {
                v: p.state[i].copy() for i, v in enumerate(self.plan.populations[name].model.STATE)
            }
            ahead = max((q.max_delay for q in self.plan.incoming(name)), default=0)
            arrivals[name] = p.ring[:, (self.steps + np.arange(ahead)) & p.mask].copy()
        extras = {s.projection.name: s.state(self.steps) for group in self._plastic.values() for s in group}
        return State(variables, arrivals, extras)


def _events(spikes: Spikes) -> InputEvents:
    cell = spikes.sample.astype(np.int64) * max(spikes.steps, 1) + spikes.step
    return InputEvents(spikes.step, spikes.neuron, spikes.counts_of_cells(), cell, spikes)


def _fitting(array: NDArray[Any], shape: tuple[int, ...], where: str) -> NDArray[Any]:
    if array.shape != shape:
        raise ShapeError("state of another network", where=where, value=array.shape, limit=shape)
    return array
