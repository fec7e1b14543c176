"""A range of samples at work: chunks of steps in compiled code, and what is recorded in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.engine.neurons import arrivals_of
from neurosim.engine.ops.driver import BLOCK, STATUS, Status, run_steps
from neurosim.engine.ops.spike_list import list_of_input
from neurosim.engine.plan import Plan
from neurosim.engine.recording import Record, State
from neurosim.engine.storage.recording_sink import Chunk, concatenated
from neurosim.engine.tables import Tables, Trace
from neurosim.errors import DataError, NumericsError
from neurosim.processors import processors
from neurosim.spikes import Spikes

__all__ = ["Program", "bytes_per_sample"]

_TRACE_BYTES = 32 * 2**20
"""Recorded state is handed on when it takes this much."""
_STEPS = 1 << 14
"""Recorded spikes and the inputs are handed over after this many steps at the latest."""
_FIRST_STEPS = 1024
"""Steps of the first chunk; the next are longer or shorter, as these take."""
_SPINS = 400_000
"""How often a thread looks whether the others have come, where each has a processor of its own."""
_SECONDS = 0.5
"""What a chunk should take at most: Ctrl-C is heard, and progress told, between chunks."""


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
    ) -> None:
        self.plan, self.samples, self.steps, self.wanted = plan, samples, steps, wanted
        self.first = state.step if state is not None else 0
        self.done = 0
        self.status = np.zeros(STATUS, np.int64)
        self._seed, self._inputs = seed, inputs
        self._tables = Tables(
            plan, inputs, samples, steps, wanted=wanted, state=state, edges=edges, real=real, seed=seed,
            modulation=modulation, status=self.status, first=self.first, chunk_steps=self._chunk_steps(),
        )  # fmt: skip
        self.plastic = self._tables.plastic

    def _chunk_steps(self) -> int:
        """Steps between two hand-overs: what is recorded in them, and where their inputs lie, takes about as much."""
        row = 24 * len(self.plan.inputs) * len(self.samples)
        for name, record in self.wanted.items():
            width = self.plan.populations[name].size if record.neurons is None else len(record.neurons)
            row += -(-8 * width * len(record.states) * len(self.samples) // record.stride(self.plan.dt))
        steps = min(_STEPS, _TRACE_BYTES // max(row, 1))
        return max(BLOCK, steps // BLOCK * BLOCK)

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
        for t in self._tables.traces.values():
            t.table[6] = begin + (self.first - begin) % t.stride
        spikes: dict[str, list[tuple[NDArray[np.int32], ...]]] = {
            name: [] for name, r in self._tables.recorded.items() if r.keeps
        }
        sample, step = 0, begin
        while sample < len(self.samples):
            self.status[[Status.COUNTER, Status.FULL, Status.ENDING]] = 0
            for r in self._tables.recorded.values():
                r.prepare()
            self._run(begin, end, sample, step, pool)
            sample, step = int(self.status[Status.SAMPLE]), int(self.status[Status.STEP])
            for name, found in spikes.items():
                found.append(self._tables.recorded[name].take_spikes())
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
            counts={name: r.take_counts() for name, r in self._tables.recorded.items() if r.counts},
            traces={key: self._rows_of(t, begin, end) for key, t in self._tables.traces.items()},
        )

    def _run(self, begin: int, end: int, sample: int, step: int, pool: Executor | None) -> None:
        t = self._tables

        def part(number: int) -> None:
            run_steps(
                t.stages, t.members, t.populations[number], t.ops[number], t.edges,
                len(self.samples), begin, end, sample, step, number, t.scratch[number].ctypes.data, self.status,
                _SPINS if len(t.ops) <= processors() else _SPINS // 100,
            )  # fmt: skip

        if pool is None:
            part(0)
            return
        try:
            list(pool.map(part, range(len(t.ops))))
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
            held = self._tables.lists[name]
            new = list_of_input(sample, step, neuron, len(self.samples), end - begin)
            held.start, held.count, held.neuron = new.start, new.count, new.neuron
            held.first, held.mask, held.stride = begin, -1, end - begin
        for name, table in self._tables.input_tables:
            table[:7] = self._tables.lists[name].entries()

    def _rows_of(self, t: Trace, begin: int, end: int) -> NDArray[np.float64]:
        rows = len(range(begin + (self.first - begin) % t.stride, end, t.stride))
        values = t.out[:rows]
        return values.copy() if t.order is None else values[:, :, t.order]

    def _check(self) -> None:
        if number := int(self.status[Status.BAD_POPULATION]):
            name = list(self.plan.populations)[number - 1]
            self._fail(name, "at", int(self.status[Status.BAD_STEP]) - self.first)

    def _check_all(self, end: int) -> None:
        for name, neurons in self._tables.neurons.items():
            if not all(np.isfinite(values).all() for values in neurons.state.values()):
                self._fail(name, "by", end - self.first - 1)

    def _fail(self, name: str, when: str, step: int) -> NoReturn:
        state, where = self._tables.neurons[name].state, f"population {name!r}"
        bad = {variable: found for variable, a in state.items() if len(found := np.argwhere(~np.isfinite(a)))}
        variable = next(iter(bad or state))  # none are bad any more: a reset came after
        if bad:
            sample, neuron = bad[variable][0].tolist()
            where += f", sample {self.samples[sample]}, neuron {neuron}"
        if variable != next(iter(state)):
            when = "by"  # others than the first are looked at when a block ends
        raise NumericsError(
            f"{variable} became NaN or infinite {when} step {step}",
            where=where,
            remedy="Look for weights that grow without bound, or a time constant shorter than dt under Euler",
        )

    def state(self) -> State:
        """What the next run needs to carry on. Its arrays are those of this program, which is not run after that."""
        step = self.first + self.done
        variables = {name: dict(n.state) for name, n in self._tables.neurons.items()}
        arrivals = {name: arrivals_of(n, step, self.plastic) for name, n in self._tables.neurons.items()}
        return State(variables, arrivals, {name: p.state(step) for name, p in self.plastic.items()}, step)


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
