"""The tables that tell the compiled loop what to do: every population's ops, and the arrays they work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.engine.neurons import Neurons, Ring, aligned, new_neurons, restore_arrivals
from neurosim.engine.ops.delivery_op import bit_delivery_op, delivery_op
from neurosim.engine.ops.driver import TILE, Field
from neurosim.engine.ops.gather_op import clear_op, gather_op
from neurosim.engine.ops.neuron_op import TakenRing, update_op
from neurosim.engine.ops.record_op import record_op, trace_op
from neurosim.engine.ops.row_parts import rows_by_part
from neurosim.engine.ops.spike_list import SpikeList
from neurosim.engine.plan import Plan, PlanProjection
from neurosim.engine.recorded_spikes import RecordedSpikes
from neurosim.engine.recording import Record
from neurosim.engine.state import State
from neurosim.engine.sub_blocks import known_ahead, places, stage_tables, sub_blocks
from neurosim.errors import NumericsError
from neurosim.spikes import Spikes

if TYPE_CHECKING:  # imported where they are used: loading their kernels takes a quarter of a second each
    from neurosim.engine.learning.plastic_synapses import PlasticSynapses

__all__ = ["Tables", "Trace"]


@dataclass
class Trace:
    """The buffer of one recorded state variable."""

    table: NDArray[np.int64]
    stride: int
    chosen: NDArray[np.int64]
    order: NDArray[np.int64] | None
    out: NDArray[np.float64]


class Tables:
    """A range of samples laid out for `neurosim.engine.ops.driver.run_steps`; see `neurosim.engine.program.Program`.

    Args:
        status: the array in which the loop says how far it is.
        first: step of the network's life at which the run begins.
        chunk_steps: steps after which recorded states are taken away, at most.

    Attributes:
        neurons: every population at work; plastic: every plastic projection.
        lists: spikes of populations and inputs; input_tables: (input, table) of ops that read those of an input.
        recorded, traces: buffers of what is recorded.
        populations: of each part, int64 [n, len(Field)]; ops: of each part, int64 [m, 2]; scratch: of each part.
        stages, members: see `run_steps`; edges: int64 [n, parts + 1].
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Spikes],
        samples: range,
        steps: int,
        *,
        wanted: Mapping[str, Record],
        state: State | None,
        edges: Mapping[str, NDArray[np.int64]],
        real: Any,
        seed: int,
        modulation: Mapping[str, NDArray[np.float64]],
        status: NDArray[np.int64],
        first: int,
        chunk_steps: int,
    ) -> None:
        self._plan, self._samples, self._steps, self._wanted = plan, samples, steps, wanted
        self._status, self._first, self._chunk_steps = status, first, chunk_steps
        self._real = np.dtype(real)
        self._seed, self._inputs = seed, inputs
        self._parts = len(next(iter(edges.values()))) - 1
        self._keep: list[Any] = []  # what only addresses point to
        self._op_rows: list[list[list[int]]] = [[] for _ in range(self._parts)]
        self.populations = [
            np.zeros((len(plan.populations), len(Field)), np.int64) for _ in range(self._parts)
        ]
        self.neurons = {
            name: new_neurons(p, plan.dt, len(samples), edges[name], state, self._real)
            for name, p in plan.populations.items()
        }
        self.lists = {name: n.spikes for name, n in self.neurons.items()}
        self.lists |= {name: _no_spikes() for name in plan.inputs}
        self.input_tables: list[tuple[str, NDArray[np.int64]]] = []
        self.recorded: dict[str, RecordedSpikes] = {}
        self.traces: dict[tuple[str, str], Trace] = {}
        self._by_part: dict[str, tuple[SynapseRows, NDArray[np.int64]]] = {}
        self.plastic: dict[str, PlasticSynapses] = {}
        self.scratch = [self._new_scratch(part) for part in range(self._parts)]
        place = places(plan)
        lengths = zip(plan.stages, sub_blocks(plan), strict=True)
        self._length = {name: length for stage, length in lengths for name in stage.populations}
        for number, name in enumerate(plan.populations):
            self._build(number, self.neurons[name], place, state, modulation)
        self.stages, self.members = stage_tables(plan)
        self.edges = np.array([edges[name] for name in plan.populations])
        self.ops = [np.array(ops, np.int64).reshape(-1, 2) for ops in self._op_rows]

    def _address(self, array: NDArray[Any]) -> int:
        self._keep.append(array)
        return int(array.ctypes.data)

    def _new_scratch(self, part: int) -> NDArray[np.int64]:
        receptors = max(len(p.model.RECEPTORS) for p in self._plan.populations.values())
        arrays = (
            np.zeros((max(receptors, 1), TILE), self._real), np.zeros(TILE + 64, np.uint8), np.zeros(TILE, self._real)
        )  # fmt: skip
        x, spikes, current = (self._address(a) for a in arrays)
        return np.array([x, spikes, part, current], np.int64)

    def _op(self, part: int, address: int, entries: Iterable[int]) -> NDArray[np.int64]:
        table = np.array(list(entries), np.int64)
        self._op_rows[part].append([address, self._address(table)])
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
        incoming = [p for p in self._plan.incoming(name) if p.n_synapses or p.plasticity is not None]
        known = {p.name: known_ahead(place, p.pre, name) for p in incoming}
        static = [p for p in incoming if p.plasticity is None]
        ring_of = {
            p.name: self._ring(
                neurons, p, [q for q in static if known[q.name] is known[p.name]], known[p.name], state
            )
            for p in static
        }
        learning = [p for p in incoming if p.plasticity is not None]
        for p in learning:
            arrivals = np.zeros((len(self._samples), 1, p.n_post), self._real)
            neurons.rings[p.name] = Ring(p.name, p.receptor, arrivals, np.ones(1, self._real), 0)
            carried = state.extras[p.name] if state is not None else None
            from neurosim.engine.learning.plastic_synapses import PlasticSynapses

            self.plastic[p.name] = PlasticSynapses(
                p, self._plan, self._samples, self._first, self._steps, self._real, neurons.edges,
                source=self.lists[p.pre], target=neurons.spikes, arrivals=arrivals[:, 0],
                modulation=modulation.get(p.name), carried=carried, seed=self._seed,
            )  # fmt: skip
        if state is not None:
            restore_arrivals(neurons, state, self.plastic)
        driven = [d for d in self._plan.drives if d.population == name]
        for part in range(self._parts):
            row, ops = self.populations[part][number], self._op_rows[part]
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
                    if p.pre in self._plan.inputs:
                        self.input_tables += [(p.pre, table) for table in tables]
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
            if part == 0 and name in self._wanted and "spikes" in self._wanted[name].kept:
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
            values = np.zeros((len(self._samples), slots, p.n_post), kind)
            weight = np.array([1.0 if one is None else one], self._real)
            neurons.rings[name] = Ring(name, p.receptor, values, weight, longest)
        return neurons.rings[name]

    def _most_at_once(self, p: PlanProjection) -> int:
        """A bound for the arrivals at one neuron in one step: synapses onto it, times spikes of a source in a step."""
        spikes, count = self._inputs.get(p.pre), 1
        if spikes is None and p.pre in self._plan.sources:
            count = self._plan.sources[p.pre].most(self._plan.dt)
        elif spikes is not None and spikes.count is not None:
            count = spikes.count.max(initial=1)
        return p.rows.most_onto_one * int(count)

    def _deliver(self, part: int, p: PlanProjection, ring: Ring, neurons: Neurons) -> list[NDArray[np.int64]]:
        """The ops of a static projection, and their tables."""
        rows = p.rows
        if not rows.is_dense:
            return [self._deliver_rows(part, p.name, self.lists[p.pre], rows, ring, neurons)]
        bits = rows.bits
        entries = [
            *self.lists[p.pre].entries(), self._address(bits.bits), bits.bits.shape[1], rows.delay,
            self._address(ring.values), ring.mask, rows.n_post,
            self._address(aligned((64 * bits.bits.shape[1],), np.uint8)),
            self._address(rows.row_start), rows.n_pre, *rows.pre_range,
        ]  # fmt: skip
        tables = [self._op(part, bit_delivery_op(ring.values.dtype), entries)]
        if len(bits.again):
            tables.append(
                self._deliver_rows(part, p.name, self.lists[p.pre], rows.beyond_bits, ring, neurons)
            )
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
            *rows.pre_range,
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

            prepared = prepare(d.drive, neurons.population.shape, self._plan.dt, key, self._real)
            entries = [-1 if d.drive.CURRENT else d.receptor, self._samples.start]
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
            self._address(self._status),
            self._address(spikes.neuron),
            self._address(spikes.count),
        ]
        entries += [self._address(neurons.edges), self._parts]
        entries += [self._address(a) for a in neurons.state.values()]
        entries += [self._address(c) for c in neurons.coefficients]
        varies = neurons.coefficients.shape[1:] != (1,)
        gain = np.asarray(p.model.current_gain(self._plan.dt), self._real).reshape(-1)
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
            self._plan.dt,
            self._real,
            varies=varies,
            driven=any(d.drive.CURRENT for d in driven),
            rings=tuple(taken),
        )
        row[Field.UPDATE_TABLE] = self._address(table)

    def _record_spikes(self, neurons: Neurons) -> tuple[int, int]:
        p, status = neurons.population, self._address(self._status)
        recorded = RecordedSpikes(
            self._wanted[p.name], neurons.spikes, p.size, len(self._samples), self._first, status
        )
        self.recorded[p.name] = recorded
        return record_op(), self._address(recorded.table)

    def _record_state(self, part: int, neurons: Neurons) -> None:
        name, size = neurons.population.name, neurons.population.size
        record = self._wanted.get(name)
        for variable in record.states if record else ():
            assert record is not None
            if part == 0:
                chosen = np.arange(size) if record.neurons is None else np.array(record.neurons, np.int64)
                order = None
                if (np.diff(chosen) <= 0).any():
                    chosen, order = np.unique(chosen, return_inverse=True)
                stride = record.stride(self._plan.dt)
                rows = self._chunk_steps // stride + 2
                out = np.empty((rows, len(self._samples), len(chosen)))
                entries = [
                    self._address(neurons.state[variable]), size, self._address(chosen), len(chosen), self._first,
                    stride, self._first, self._address(out), len(self._samples),
                ]  # fmt: skip
                table = self._op(part, trace_op(self._real), entries)
                self.traces[name, variable] = Trace(table, stride, chosen, order, out)
            else:
                trace = self.traces[name, variable]
                self._op_rows[part].append([trace_op(self._real), self._address(trace.table)])


def _no_spikes() -> SpikeList:
    """An input that is silent: one empty row for all steps."""
    nothing = np.zeros((1, 1), np.int64)
    return SpikeList(nothing, nothing, np.zeros(1, np.int32), mask=0)


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
    return np.uint16 if most < 2**16 else np.uint32
