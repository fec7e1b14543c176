"""The arrays of a running simulation, and the tables that tell the compiled loop what to do with them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.engine.ops.delivery_op import bit_delivery_op, delivery_op
from neurosim.engine.ops.driver import BLOCK, STATUS, SUB_BLOCK, TILE, Field, Status, run_steps
from neurosim.engine.ops.gather_op import clear_op, gather_op
from neurosim.engine.ops.neuron_op import TakenRing, update_op
from neurosim.engine.ops.record_op import record_op, trace_op
from neurosim.engine.ops.row_parts import rows_by_part
from neurosim.engine.ops.spike_list import SpikeList, list_of_input, list_of_population
from neurosim.engine.plain_neurons import coefficient_table, initial_values
from neurosim.engine.plan import Plan, PlanPopulation, PlanProjection
from neurosim.engine.recorded_spikes import RecordedSpikes
from neurosim.engine.recording import Record, State
from neurosim.engine.storage.recording_sink import Chunk, concatenated
from neurosim.errors import DataError, NumericsError, ShapeError
from neurosim.spikes import Spikes

if TYPE_CHECKING:  # imported where they are used: loading their kernels takes a quarter of a second each
    from neurosim.engine.learning.plastic_synapses import PlasticSynapses

__all__ = ["Inputs", "Program", "bytes_per_sample"]

Inputs = Mapping[str, Spikes]
_TRACE_BYTES = 32 * 2**20
"""Recorded state is handed on when it takes this much."""
_STEPS = 1 << 14
"""Recorded spikes and the inputs are handed over after this many steps at the latest."""
_FIRST_STEPS = 256
"""Steps of the first chunk; the next are longer or shorter, as these take."""
_SECONDS = 0.5
"""What a chunk should take at most: Ctrl-C is heard, and progress told, between chunks."""


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


@dataclass
class Trace:
    """The buffer of one recorded state variable."""

    table: NDArray[np.int64]
    stride: int
    chosen: NDArray[np.int64]
    order: NDArray[np.int64] | None
    out: NDArray[np.float64]


def bytes_per_sample(plan: Plan, real: Any) -> int:
    """Memory of one sample's working arrays, roughly."""
    size = np.dtype(real).itemsize
    total = 0
    for name, p in plan.populations.items():
        slots = sum(q.max_delay + 1 for q in plan.incoming(name))
        total += p.size * size * (len(p.model.STATE) + min(slots, 64))
    return total + sum(2 * size * p.n_synapses for p in plan.projections if p.plasticity is not None)


class Program:
    """A range of samples at work, in one or several parts (ranges of neurons) that run at the same time.

    Args:
        inputs: spikes of the whole run, of these samples.
        samples: which samples of the run these are.
        wanted: what is recorded.
        state: where to go on from, cut to these samples; None: the initial state.
        edges: population -> the neurons of each part, int64 [parts + 1].
        real: float32 or float64, of state, coefficients and arrivals.
        seed: of the run.
        modulation: plastic projection -> third factor, [T, S].
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Inputs,
        samples: range,
        steps: int,
        *,
        wanted: Mapping[str, Record],
        state: State | None,
        edges: Mapping[str, NDArray[np.int64]],
        real: Any,
        seed: int,
        modulation: Mapping[str, NDArray[np.float64]],
    ) -> None:
        self.plan, self.samples, self.steps, self.wanted = plan, samples, steps, wanted
        self.first = state.step if state is not None else 0
        self.done = 0
        self.status = np.zeros(STATUS, np.int64)
        self._real = np.dtype(real)
        self._seed, self._inputs = seed, inputs
        self._parts = len(next(iter(edges.values()))) - 1
        self._keep: list[Any] = []  # what only addresses point to
        self._ops: list[list[list[int]]] = [[] for _ in range(self._parts)]
        self._table = [np.zeros((len(plan.populations), len(Field)), np.int64) for _ in range(self._parts)]
        self._neurons = {
            name: self._new_neurons(p, edges[name], state) for name, p in plan.populations.items()
        }
        self._lists = {name: n.spikes for name, n in self._neurons.items()}
        self._lists |= {name: _no_spikes() for name in plan.inputs}
        self._input_tables: list[tuple[str, NDArray[np.int64]]] = []
        self._recorded: dict[str, RecordedSpikes] = {}
        self._traces: dict[tuple[str, str], Trace] = {}
        self._by_part: dict[str, tuple[SynapseRows, NDArray[np.int64]]] = {}
        self.plastic: dict[str, PlasticSynapses] = {}
        self._scratch = [self._new_scratch(part) for part in range(self._parts)]
        place = _places(plan)
        lengths = zip(plan.stages, _sub_blocks(plan), strict=True)
        self._length = {name: length for stage, length in lengths for name in stage.populations}
        for number, name in enumerate(plan.populations):
            self._build(number, self._neurons[name], place, state, modulation)
        self._stages, self._members = _stage_tables(plan)
        self._edges = np.array([edges[name] for name in plan.populations])
        self._op_table = [np.array(ops, np.int64).reshape(-1, 2) for ops in self._ops]

    # --- building

    def _address(self, array: NDArray[Any]) -> int:
        self._keep.append(array)
        return int(array.ctypes.data)

    def _new_neurons(self, p: PlanPopulation, edges: NDArray[np.int64], state: State | None) -> Neurons:
        n_samples, dt = len(self.samples), self.plan.dt
        held = {name: _aligned((n_samples, p.size), self._real) for name in p.model.STATE}
        if state is None:
            for name, value in zip(held, initial_values(p.model, dt), strict=True):
                held[name][:] = np.asarray(value, np.float64).reshape(-1)
        else:
            for name in held:
                given = state.variables[p.name][name]
                if given.shape != (n_samples, p.size):
                    limit = (n_samples, p.size)
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
        return Neurons(
            p, held, np.ascontiguousarray(coefficients, self._real), edges, list_of_population(edges)
        )

    def _new_scratch(self, part: int) -> NDArray[np.int64]:
        receptors = max(len(p.model.RECEPTORS) for p in self.plan.populations.values())
        arrays = (
            np.zeros((max(receptors, 1), TILE), self._real), np.zeros(TILE + 64, np.uint8), np.zeros(TILE, self._real)
        )  # fmt: skip
        x, spikes, current = (self._address(a) for a in arrays)
        return np.array([x, spikes, part, current], np.int64)

    def _op(self, part: int, address: int, entries: Iterable[int]) -> NDArray[np.int64]:
        table = np.array(list(entries), np.int64)
        self._ops[part].append([address, self._address(table)])
        return table

    def _build(
        self,
        number: int,
        neurons: Neurons,
        place: Mapping[str, tuple[int, int]],
        state: State | None,
        modulation: Mapping[str, NDArray[np.float64]],
    ) -> None:
        """Fill the row of one population: its rings, and the ops of every field."""
        name = neurons.population.name
        incoming = [p for p in self.plan.incoming(name) if p.n_synapses or p.plasticity is not None]
        known = {p.name: _known_ahead(place, p.pre, name) for p in incoming}
        static = [p for p in incoming if p.plasticity is None]
        ring_of = {
            p.name: self._ring(
                neurons, p, [q for q in static if known[q.name] is known[p.name]], known[p.name], state
            )
            for p in static
        }
        learning = [p for p in incoming if p.plasticity is not None]
        for p in learning:
            arrivals = np.zeros((len(self.samples), 1, p.n_post), self._real)
            neurons.rings[p.name] = Ring(p.name, p.receptor, arrivals, np.ones(1, self._real), 0)
            carried = state.extras[p.name] if state is not None else None
            from neurosim.engine.learning.plastic_synapses import PlasticSynapses

            self.plastic[p.name] = PlasticSynapses(
                p, self.plan, self.samples, self.first, self.steps, self._real, neurons.edges,
                source=self._lists[p.pre], target=neurons.spikes, arrivals=arrivals[:, 0],
                modulation=modulation.get(p.name), carried=carried, seed=self._seed,
            )  # fmt: skip
        if state is not None:
            _restore(neurons, state, self.plastic)
        driven = [d for d in self.plan.drives if d.population == name]
        for part in range(self._parts):
            row, ops = self._table[part][number], self._ops[part]
            fields = ((Field.AHEAD_FIRST, Field.AHEAD_LAST), (Field.BACK_FIRST, Field.BACK_LAST))
            for ahead, (first, last) in zip((True, False), fields, strict=True):
                row[first] = len(ops)
                for p in incoming:
                    if known[p.name] is not ahead:
                        continue
                    if p.plasticity is None:
                        tables = self._deliver(part, p, ring_of[p.name], neurons)
                    else:
                        address, table = self.plastic[p.name].note(part)
                        ops.append([address, self._address(table)])
                        tables = [table]
                    if p.pre in self.plan.inputs:
                        self._input_tables += [(p.pre, table) for table in tables]
                row[last] = len(ops)
            row[Field.ARRIVE_FIRST] = len(ops)
            for p in learning:
                address, table = self.plastic[p.name].arrive(part)
                ops.append([address, self._address(table)])
            row[Field.ARRIVE_LAST] = row[Field.GATHER_FIRST] = len(ops)
            self._gather(part, neurons, driven)
            row[Field.GATHER_LAST] = row[Field.TRACE_FIRST] = len(ops)
            self._record_state(part, neurons)
            row[Field.TRACE_LAST] = row[Field.LEARN_FIRST] = len(ops)
            for p in learning:
                address, table = self.plastic[p.name].learn(part)
                ops.append([address, self._address(table)])
            row[Field.LEARN_LAST] = len(ops)
            self._update(row, number, neurons, driven)
            if part == 0 and name in self.wanted and "spikes" in self.wanted[name].kept:
                row[Field.RECORD], row[Field.RECORD_TABLE] = self._record_spikes(neurons)

    def _ring(
        self,
        neurons: Neurons,
        p: PlanProjection,
        others: Sequence[PlanProjection],
        ahead: bool,
        state: State | None,
    ) -> Ring:
        """The ring that a projection delivers to, with others of its receptor and, if all its synapses share one, its
        weight.

        ``others``: projections delivered at the same time, ahead of the update or after it.
        """
        one = _one_weight(p)
        _check_weights(p, self._real)
        name = f"{'ahead' if ahead else 'back'}:{p.receptor}" + ("" if one is None else f":{one!r}")
        if name not in neurons.rings:
            sharing = [q for q in others if (q.receptor, _one_weight(q)) == (p.receptor, one)]
            longest = max(q.max_delay for q in sharing)
            # ahead: the steps of a sub-block are all delivered before the first is gathered
            slots = 1 << (longest + (self._length[p.post] if ahead else 0) - 1).bit_length()
            kind = self._real
            if one is not None:
                under_way = state.arrivals[p.post].get(name) if state is not None else None
                most = int(under_way.max(initial=0)) if under_way is not None else 0
                kind = _count_type(most + sum(self._most_at_once(q) for q in sharing))
            values = np.zeros((len(self.samples), slots, p.n_post), kind)
            weight = np.array([1.0 if one is None else one], self._real)
            neurons.rings[name] = Ring(name, p.receptor, values, weight, longest)
        return neurons.rings[name]

    def _most_at_once(self, p: PlanProjection) -> int:
        """A bound for the arrivals at one neuron in one step: synapses onto it, times spikes of a source in a step."""
        spikes, count = self._inputs.get(p.pre), 1
        if spikes is None and p.pre in self.plan.sources:
            count = self.plan.sources[p.pre].most(self.plan.dt)
        elif spikes is not None and spikes.count is not None:
            count = spikes.count.max(initial=1)
        return p.rows.most_onto_one * int(count)

    def _deliver(self, part: int, p: PlanProjection, ring: Ring, neurons: Neurons) -> list[NDArray[np.int64]]:
        """The ops of a static projection, and their tables."""
        rows = p.rows
        if not rows.is_dense:
            return [self._deliver_rows(part, p.name, self._lists[p.pre], rows, ring, neurons)]
        bits = rows.bits
        entries = [
            *self._lists[p.pre].entries(), self._address(bits.bits), bits.bits.shape[1], rows.delay,
            self._address(ring.values), ring.mask, rows.n_post,
            self._address(_aligned((64 * bits.bits.shape[1],), np.uint8)),
            self._address(rows.row_start), rows.n_pre,
        ]  # fmt: skip
        tables = [self._op(part, bit_delivery_op(ring.values.dtype), entries)]
        if len(bits.again):
            again = replace(rows, row_start=bits.again_start, word=bits.again)
            tables.append(self._deliver_rows(part, p.name, self._lists[p.pre], again, ring, neurons))
        return tables

    def _deliver_rows(
        self, part: int, name: str, spikes: SpikeList, rows: SynapseRows, ring: Ring, neurons: Neurons
    ) -> NDArray[np.int64]:
        if part == 0:
            self._by_part[name] = rows_by_part(rows, neurons.edges)
        rows, bounds = self._by_part[name]
        entries = [
            *spikes.entries(), rows.n_pre, self._address(bounds[part]), self._address(bounds[part + 1]),
            self._address(rows.word), self._address(rows.weight), len(rows.weight),
            self._address(ring.values), ring.mask, rows.n_post, rows.delay, rows.target_bits,
            rows.n_synapses, 0,
        ]  # fmt: skip
        return self._op(part, delivery_op(rows, ring.values.dtype), entries)

    def _gather(self, part: int, neurons: Neurons, driven: Sequence[Any]) -> None:
        model, size = neurons.population.model, neurons.population.size
        current = any(d.drive.CURRENT for d in driven)
        last = self._taken(neurons)
        rings = [ring for ring in neurons.rings.values() if ring.name not in {r.name for r in last}]
        used = {d.receptor for d in driven if not d.drive.CURRENT} | {r.receptor for r in rings}
        used |= set(range(len(model.RECEPTORS))) - {r.receptor for r in last}
        begun = {r.receptor for r in rings}
        for receptor in [-1] * current + sorted(used - begun):
            self._op(part, clear_op(self._real), [receptor])
        for ring in rings:
            first = ring.receptor in begun
            begun.discard(ring.receptor)
            entries = [self._address(ring.values), ring.mask, size, ring.receptor, self._address(ring.weight)]
            self._op(part, gather_op(ring.values.dtype, self._real, first=first), entries)
        for d in driven:
            key = random.key(self._seed, "drive", d.name)
            from neurosim.engine.ops.drive_kernels import prepare
            from neurosim.engine.ops.drive_op import drive_op

            prepared = prepare(d.drive, neurons.population.shape, self.plan.dt, key, self._real)
            entries = [-1 if d.drive.CURRENT else d.receptor, self.samples.start]
            for array in prepared.arrays:
                entries += [self._address(np.ascontiguousarray(array)), *array.shape]
            self._op(part, drive_op(prepared, self._real), entries)

    def _taken(self, neurons: Neurons) -> list[Ring]:
        """The last ring of every receptor, which the update takes itself: the scratch has what came before it."""
        return list({ring.receptor: ring for ring in neurons.rings.values()}.values())

    def _update(self, row: NDArray[np.int64], number: int, neurons: Neurons, driven: Sequence[Any]) -> None:
        p = neurons.population
        spikes = neurons.spikes
        entries = [
            number,
            p.size,
            self._address(self.status),
            self._address(spikes.neuron),
            self._address(spikes.count),
        ]
        entries += [self._address(neurons.edges), self._parts]
        entries += [self._address(a) for a in neurons.state.values()]
        entries += [self._address(c) for c in neurons.coefficients]
        varies = neurons.coefficients.shape[1:] != (1,)
        gain = np.asarray(p.model.current_gain(self.plan.dt), self._real).reshape(-1)
        entries.append(self._address(np.array(np.broadcast_to(gain, p.size if varies else 1))))
        taken = []
        for ring in self._taken(neurons):
            entries += [self._address(ring.values), ring.mask, self._address(ring.weight)]
            rings = sum(r.receptor == ring.receptor for r in neurons.rings.values())
            more = rings > 1 or any(d.receptor == ring.receptor and not d.drive.CURRENT for d in driven)
            taken.append(TakenRing(ring.receptor, ring.values.dtype, more))
        table = np.array(entries, np.int64)
        row[Field.UPDATE] = update_op(
            p.model,
            self.plan.dt,
            self._real,
            varies=varies,
            driven=any(d.drive.CURRENT for d in driven),
            rings=tuple(taken),
        )
        row[Field.UPDATE_TABLE] = self._address(table)

    def _record_spikes(self, neurons: Neurons) -> tuple[int, int]:
        p, status = neurons.population, self._address(self.status)
        recorded = RecordedSpikes(
            self.wanted[p.name], neurons.spikes, p.size, len(self.samples), self.first, status
        )
        self._recorded[p.name] = recorded
        return record_op(), self._address(recorded.table)

    def _record_state(self, part: int, neurons: Neurons) -> None:
        name, size = neurons.population.name, neurons.population.size
        record = self.wanted.get(name)
        for variable in record.states if record else ():
            assert record is not None
            if part == 0:
                chosen = np.arange(size) if record.neurons is None else np.array(record.neurons, np.int64)
                order = None
                if (np.diff(chosen) <= 0).any():
                    chosen, order = np.unique(chosen, return_inverse=True)
                stride = record.stride(self.plan.dt)
                rows = self._chunk_steps() // stride + 2
                out = np.empty((rows, len(self.samples), len(chosen)))
                entries = [
                    self._address(neurons.state[variable]), size, self._address(chosen), len(chosen), self.first,
                    stride, self.first, self._address(out), len(self.samples),
                ]  # fmt: skip
                table = self._op(part, trace_op(self._real), entries)
                self._traces[name, variable] = Trace(table, stride, chosen, order, out)
            else:
                trace = self._traces[name, variable]
                self._ops[part].append([trace_op(self._real), self._address(trace.table)])

    def _chunk_steps(self) -> int:
        """Steps between two hand-overs: what is recorded in them, and where their inputs lie, takes about as much."""
        row = 24 * len(self.plan.inputs) * len(self.samples)
        for name, record in self.wanted.items():
            width = self.plan.populations[name].size if record.neurons is None else len(record.neurons)
            row += -(-8 * width * len(record.states) * len(self.samples) // record.stride(self.plan.dt))
        steps = min(_STEPS, _TRACE_BYTES // max(row, 1))
        return max(BLOCK, steps // BLOCK * BLOCK)

    # --- running

    def chunks(
        self, pool: Executor | None = None, until: Callable[[int, int], int] = lambda begin, end: end
    ) -> Iterator[Chunk]:
        """Run all steps and hand on what is recorded as it comes.

        Args:
            pool: runs the parts, if there are several.
            until: asked before each chunk how far it may go, given its first step and the one it would stop at.

        Raises:
            NumericsError: a state became NaN or infinite.
        """
        most = self._chunk_steps()
        length = min(_FIRST_STEPS, most)
        begin, last = self.first, self.first + self.steps
        while begin < last and not self.status[Status.STOP]:
            end = min((begin // length + 1) * length, last)
            for p in self.plastic.values():
                end = min(end, p.next_upkeep(begin))
            end = until(begin, end)
            if end == begin:
                return
            start = time.perf_counter()
            chunk = self._chunk(begin, end, pool)
            if chunk is None:
                return
            taken = time.perf_counter() - start
            if taken > _SECONDS:
                length = max(BLOCK, length // 2 // BLOCK * BLOCK)
            elif taken < _SECONDS / 4:
                length = min(2 * length, most)
            yield chunk
            begin = chunk.stop + self.first
            self.done = begin - self.first
            for p in self.plastic.values():
                p.upkeep(begin)

    def _chunk(self, begin: int, end: int, pool: Executor | None) -> Chunk | None:
        """Steps begin to end, or as far as the run was not stopped; None if the samples stopped at different steps."""
        self._load_inputs(begin, end)
        for t in self._traces.values():
            t.table[6] = begin + (self.first - begin) % t.stride
        spikes: dict[str, list[tuple[NDArray[np.int32], ...]]] = {
            name: [] for name, r in self._recorded.items() if r.keeps
        }
        sample, step = 0, begin
        while sample < len(self.samples):
            self.status[[Status.COUNTER, Status.FULL, Status.ENDING]] = 0
            for r in self._recorded.values():
                r.prepare()
            self._run(begin, end, sample, step, pool)
            sample, step = int(self.status[Status.SAMPLE]), int(self.status[Status.STEP])
            for name, found in spikes.items():
                found.append(self._recorded[name].take_spikes())
            self._check()
            if self.status[Status.STOP] and sample < len(self.samples):
                if len(self.samples) > 1:
                    return None
                end = step
                break
        self._check_all(end)
        return Chunk(
            first=begin - self.first,
            stop=end - self.first,
            first_sample=self.samples.start,
            samples=len(self.samples),
            spikes={name: concatenated(found) for name, found in spikes.items()},
            counts={name: r.take_counts() for name, r in self._recorded.items() if r.counts},
            traces={key: self._rows_of(t, begin, end) for key, t in self._traces.items()},
        )

    def _run(self, begin: int, end: int, sample: int, step: int, pool: Executor | None) -> None:
        def part(number: int) -> None:
            run_steps(
                self._stages, self._members, self._table[number], self._op_table[number], self._edges,
                len(self.samples), begin, end, sample, step, number, self._scratch[number].ctypes.data, self.status,
            )  # fmt: skip

        if pool is None:
            part(0)
            return
        try:
            list(pool.map(part, range(self._parts)))
        except BaseException:
            # a thread that could not be started, say: the others wait for it at the barrier
            self.status[[Status.STOP, Status.ENDING]] = 1
            self.status[Status.COUNTER] = 2**62
            raise

    def _load_inputs(self, begin: int, end: int) -> None:
        """Put the spikes of the chunk where the tables find them."""
        for name in self.plan.inputs:
            spikes, source = self._inputs.get(name), self.plan.sources.get(name)
            if spikes is not None:
                found = spikes_between(spikes, begin - self.first, end - self.first)
            elif source is not None:
                key = random.key(self._seed, "source", name)
                drawn = source.spikes(self.plan.inputs[name], self.plan.dt, begin, end, self.samples, key)
                most = source.most(self.plan.dt)
                if drawn.count is not None and drawn.count.max(initial=0) > most:
                    raise DataError(
                        "a source emits more than it says", where=f"input {name!r}", value=int(drawn.count.max()),
                        limit=most, remedy=f"Let {type(source).__name__}.most return a bound of the counts",
                    )  # fmt: skip
                found = spikes_between(drawn, 0, end - begin)
            else:
                continue
            sample, step, neuron = found
            held = self._lists[name]
            new = list_of_input(sample, step, neuron, len(self.samples), end - begin)
            held.start, held.count, held.neuron = new.start, new.count, new.neuron
            held.first, held.mask, held.stride = begin, -1, end - begin
        for name, table in self._input_tables:
            table[:7] = self._lists[name].entries()

    def _rows_of(self, t: Trace, begin: int, end: int) -> NDArray[np.float64]:
        rows = len(range(begin + (self.first - begin) % t.stride, end, t.stride))
        values = t.out[:rows]
        return values.copy() if t.order is None else values[:, :, t.order]

    def _check(self) -> None:
        if number := int(self.status[Status.BAD_POPULATION]):
            name = list(self.plan.populations)[number - 1]
            self._fail(name, f"at step {int(self.status[Status.BAD_STEP]) - self.first}")

    def _check_all(self, end: int) -> None:
        for name, neurons in self._neurons.items():
            if not all(np.isfinite(values).all() for values in neurons.state.values()):
                self._fail(name, f"by step {end - self.first - 1}")

    def _fail(self, name: str, when: str) -> NoReturn:
        state, where = self._neurons[name].state, f"population {name!r}"
        bad = {variable: found for variable, a in state.items() if len(found := np.argwhere(~np.isfinite(a)))}
        variable = next(iter(bad or state))  # none are bad any more: a reset came after
        if bad:
            sample, neuron = bad[variable][0].tolist()
            where += f", sample {self.samples[sample]}, neuron {neuron}"
        raise NumericsError(
            f"{variable} became NaN or infinite {when}",
            where=where,
            remedy="Look for weights that grow without bound, or a time constant shorter than dt under Euler",
        )

    def state(self) -> State:
        """What the next run needs to carry on. Its arrays are those of this program, which is not run after that."""
        step = self.first + self.done
        variables = {name: dict(n.state) for name, n in self._neurons.items()}
        arrivals: dict[str, dict[str, NDArray[Any]]] = {}
        for name, n in self._neurons.items():
            arrivals[name] = {}
            for ring in n.rings.values():
                if ring.name in self.plastic:
                    continue
                coming = (step + np.arange(ring.longest)) & ring.mask
                arrivals[name][ring.name] = ring.values[:, coming]
        return State(variables, arrivals, {name: p.state(step) for name, p in self.plastic.items()}, step)


def _aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros that begin on a cache line: wide loads then never cross two."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + 64, np.uint8)
    begin = -room.ctypes.data % 64
    return room[begin : begin + size].view(dtype).reshape(shape)


def spikes_between(spikes: Spikes, begin: int, end: int) -> tuple[NDArray[np.int32], ...]:
    """(sample, step - begin, neuron) of the spikes from step begin to end, one entry for every spike of a count."""
    inside: Any = slice(None)
    if begin > 0 or end < spikes.steps:
        inside = np.flatnonzero((spikes.step >= begin) & (spikes.step < end))
    sample, step, neuron = spikes.sample[inside], spikes.step[inside] - np.int32(begin), spikes.neuron[inside]
    if spikes.count is not None:
        count = spikes.count[inside]
        sample, step, neuron = (np.repeat(a, count) for a in (sample, step, neuron))
    return sample, step, neuron


def _no_spikes() -> SpikeList:
    """An input that is silent: one empty row for all steps."""
    nothing = np.zeros((1, 1), np.int64)
    return SpikeList(nothing, nothing, np.zeros(1, np.int32), mask=0)


def _places(plan: Plan) -> dict[str, tuple[int, int]]:
    """(stage, level) of every population."""
    return {
        name: (s, level)
        for s, stage in enumerate(plan.stages)
        for level, names in enumerate(stage.levels)
        for name in names
    }


def _known_ahead(place: Mapping[str, tuple[int, int]], pre: str, post: str) -> bool:
    """Whether a source is an input, or runs before the target: in an earlier stage, or an earlier level of its own."""
    return pre not in place or place[pre] < place[post]


def _sub_blocks(plan: Plan) -> list[int]:
    """Steps of a sub-block of every stage: one where synapses learn."""
    learning = {p.post for p in plan.projections if p.plasticity is not None and p.n_synapses}
    lengths = [min(stage.block or SUB_BLOCK, SUB_BLOCK) for stage in plan.stages]
    return [1 if learning & set(s.populations) else n for s, n in zip(plan.stages, lengths, strict=True)]


def _stage_tables(plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    number = {name: i for i, name in enumerate(plan.populations)}
    stages: list[list[int]] = []
    members: list[list[int]] = []
    for stage, length in zip(plan.stages, _sub_blocks(plan), strict=True):
        first = len(members)
        members += [[number[name] for name in level] for level in stage.levels]
        stages.append([first, len(members), length])
    table = np.zeros((len(members), 1 + max(map(len, members))), np.int64)
    for row, level in zip(table, members, strict=True):
        row[0] = len(level)
        row[1 : 1 + len(level)] = level
    return np.array(stages, np.int64), table


def _one_weight(p: PlanProjection) -> float | None:
    """The weight that all synapses of a projection share, or None."""
    return float(p.rows.weight[0]) if len(p.rows.weight) == 1 else None


def _check_weights(p: PlanProjection, real: Any) -> None:
    """Raise NumericsError if a weight is infinite in ``real``, which may be less than it is kept in. Own weights are
    looked at only where it is."""
    limit, weight = float(np.finfo(real).max), p.rows.weight
    narrower = weight.dtype.itemsize > np.dtype(real).itemsize
    if (narrower or len(weight) == 1) and not float(np.abs(weight).max(initial=0.0)) <= limit:
        raise NumericsError(
            f"a weight is NaN or too large for {np.dtype(real)}",
            where=f"projection {p.name!r}",
            limit=f"{limit:g}",
        )


def _count_type(most: int) -> Any:
    return np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32


def _restore(neurons: Neurons, state: State, plastic: Iterable[str]) -> None:
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
