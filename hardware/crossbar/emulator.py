"""The emulator: digital neurons and delay buffers around the tiles, from the emitted files alone.

In step k each population collects what its blocks deliver (`read_out`), then its neurons are updated in float64 with
the model's own step. Samples are independent, so they run in chunks over threads; the device, and the noise of a
sample, step and column, depend on the seed and on their numbers only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.engine.ops.neuron_op import update_arrays
from neurosim.engine.plain_neurons import coefficient_table, initial_state
from neurosim.engine.recording import DeviceEvent, PopulationRecording, Record, Recording
from neurosim.errors import DescriptionError, NumericsError
from neurosim.hardware.crossbar.cells import Cells, Compensation, draw
from neurosim.hardware.crossbar.converters import largest_code, step_size
from neurosim.hardware.crossbar.mapping import Block, TileShape
from neurosim.hardware.crossbar.profile import Profile
from neurosim.hardware.crossbar.read_out import read_block
from neurosim.neurons.model import NeuronModel
from neurosim.spikes import Spikes

__all__ = ["Machine", "draw_cells", "run_machine"]

CHUNK_BYTES = 32 * 2**20
LARGEST_CHUNK = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Machine:
    """Everything that runs: tiles, digital neurons, converters.

    Attributes:
        dt: step in seconds.
        inputs: name -> shape.
        populations: name -> (shape, model), in an order in which zero delays point forward.
        lag: population -> step at which it starts.
        blocks: the tiles.
        shape, profile, adc_bits, wire: of the hardware.
        compensation: of drift.
        input_count: largest count of an input in a step.
    """

    dt: float
    inputs: Mapping[str, tuple[int, ...]]
    populations: Mapping[str, tuple[tuple[int, ...], NeuronModel]]
    lag: Mapping[str, int]
    blocks: tuple[Block, ...]
    shape: TileShape
    profile: Profile
    adc_bits: int
    wire: float = 0.0
    compensation: Compensation = Compensation.NONE
    input_count: int = 15

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return sum(len(b.full_scale) for b in self.blocks)


@dataclass(eq=False)
class Histogram:
    """Magnitudes of the currents of every tile: bins of ``width`` A each (calibration)."""

    width: list[NDArray[np.float64]]
    count: list[NDArray[np.int64]] = field(default_factory=list)


def draw_cells(machine: Machine, seed: int) -> list[Cells]:
    """The device ``seed``, block by block."""
    m = machine
    return [
        draw(b, m.shape, m.profile, seed=seed, wire=m.wire, compensation=m.compensation) for b in m.blocks
    ]


def run_machine(
    machine: Machine,
    cells: list[Cells],
    inputs: Mapping[str, Spikes],
    steps: int,
    record: Mapping[str, Record],
    *,
    seed: int,
    histogram: Histogram | None = None,
    threads: int | None = None,
) -> Recording:
    """Run ``steps`` machine steps; variables come back for every step and neuron as ``[T, B, *shape]``.

    Events of kind ``saturation`` say how often the ADCs in front of a population clipped in a sample (the step is the
    last one, the neuron the last of that step), and where inputs had more spikes in a step than a word line takes.

    Raises:
        NumericsError: a state became NaN or infinite.
    """
    for name, r in record.items():
        unknown = set(r.variables) - {"spikes", *machine.populations[name][1].STATE}
        if unknown:
            raise DescriptionError("cannot be recorded", where=f"population {name!r}", value=sorted(unknown))
    samples = next((s.samples for s in inputs.values()), 1)
    threads = threads or int(os.environ.get("NEUROSIM_THREADS", 0)) or os.cpu_count() or 1
    if histogram is not None:
        threads = 1  # the chunks share its counters
    chunk = _chunk(machine, steps, samples, record, threads)
    bounds = [(a, min(a + chunk, samples)) for a in range(0, samples, chunk)]

    def run(bound: tuple[int, int]) -> _Chunk:
        part = {name: s.select(np.arange(*bound)) for name, s in inputs.items()}
        work = _Chunk(machine, cells, part, steps, record, bound, random.key(seed, "device.read"), histogram)
        work.run()
        return work

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(run, bounds))
    return _recording(machine, record, steps, samples, done)


def _chunk(machine: Machine, steps: int, samples: int, record: Mapping[str, Record], threads: int) -> int:
    """Samples that run together: few enough to stay in the caches and to keep all threads busy."""
    sources = sum(int(np.prod(s)) for s in machine.inputs.values())
    sources += sum(int(np.prod(s)) for s, _ in machine.populations.values())
    traces = sum(
        8 * len(machine.populations[n][1].STATE) for n, r in record.items() if set(r.variables) - {"spikes"}
    )
    per_sample = max(steps * sources * (1 + traces), 1)
    return max(1, min(-(-samples // threads), LARGEST_CHUNK, CHUNK_BYTES // per_sample))


class _Chunk:
    """Some samples, from the first step to the last."""

    def __init__(
        self,
        machine: Machine,
        cells: list[Cells],
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        bound: tuple[int, int],
        key: int,
        histogram: Histogram | None,
    ) -> None:
        self.machine, self.steps, self.samples, self.first = machine, steps, bound[1] - bound[0], bound[0]
        self.events: list[DeviceEvent] = []
        self.history = {name: self._counts(name, s) for name, s in inputs.items()}
        self.neurons = {
            name: self._neurons(name, name in record and record[name]) for name in machine.populations
        }
        self.reads = [
            (block.post, self._read_arguments(block, held, key, i, histogram))
            for i, (block, held) in enumerate(zip(machine.blocks, cells, strict=True))
        ]
        self.clipped = {name: np.zeros((self.samples, 3), np.int64) for name in machine.populations}

    def _counts(self, name: str, s: Spikes) -> NDArray[np.uint8]:
        most = self.machine.input_count
        counts = s.counts_of_cells()
        for i in np.flatnonzero(counts > most):
            at = (self.first + int(s.sample[i]), int(s.step[i]), int(s.neuron[i]))
            self.events.append(DeviceEvent("saturation", name, *at, float(counts[i])))
        out = self._empty(s.size)
        out[s.sample, s.step, s.neuron] = np.minimum(counts, most)
        return out

    def _empty(self, size: int) -> NDArray[np.uint8]:
        """Spikes of every step; the rows are padded so that eight neurons can be skipped at a time."""
        return np.zeros((self.samples, self.steps, -(-size // 8) * 8), np.uint8)

    def _neurons(self, name: str, record: Any) -> dict[str, Any]:
        (shape, model), dt = self.machine.populations[name], self.machine.dt
        size = int(np.prod(shape))
        table, varies = coefficient_table(model, dt, size)
        kept = self.steps if record and set(record.variables) - {"spikes"} else 0
        self.history[name] = self._empty(size)
        return {
            "update": update_arrays(model, dt, varies=bool(varies)),
            "state": initial_state(model, dt, self.samples, size),
            "table": table,
            "spikes": np.zeros((self.samples, size), np.uint8),
            "arrivals": np.zeros((self.samples, 1, size)),
            "trace": np.zeros((len(model.STATE), self.samples, kept, size)),
        }

    def _read_arguments(
        self, block: Block, held: Cells, key: int, number: int, histogram: Histogram | None
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Arguments of `read_block` before and after the ones that change from step to step."""
        m = self.machine
        groups = -(-m.shape.pairs // 4)
        shape = m.inputs[block.pre] if block.pre in m.inputs else m.populations[block.pre][0]
        before = (
            self.history[block.pre],
            block.line_at(int(np.prod(shape))),
            m.shape.rows,
            held.start,
            held.column,
            held.moments,
            block.neuron,
            held.correction / (block.scale * m.profile.read_voltage),
            step_size(block.full_scale, m.adc_bits),
            float(largest_code(m.adc_bits)),
            np.uint64(key),
            np.uint64((self.first * m.tiles + block.first_tile) * groups),
            np.uint64(m.tiles * groups),
            np.uint64(groups),
        )
        if histogram is None:
            return before, (np.zeros((0, 0), np.int64), np.zeros(0))
        return before, (histogram.count[number], histogram.width[number])

    def run(self) -> None:
        saturated = np.zeros((self.samples, 2), np.int64)
        for k in range(self.steps):
            for name, n in self.neurons.items():
                arrivals = n["arrivals"]
                saturated[:] = 0
                for post, (before, after) in self.reads:
                    if post == name:
                        read_block(before[0], k, *before[1:], np.uint64(k), arrivals[:, 0], saturated, *after)
                if saturated.any():
                    rows = saturated[:, 0] > 0
                    self.clipped[name][rows, 0] += saturated[rows, 0]
                    self.clipped[name][rows, 1] = k
                    self.clipped[name][rows, 2] = saturated[rows, 1]
                self._update(name, n, k)

    def _update(self, name: str, n: dict[str, Any], k: int) -> None:
        state, trace, arrivals = n["state"], n["trace"], n["arrivals"]
        if k < self.machine.lag.get(name, 0):
            arrivals[:] = 0.0
            if trace.shape[2]:
                trace[:, :, k] = state
            return
        n["update"](state, n["table"], arrivals.transpose(1, 0, 2), n["spikes"])
        self.history[name][:, k, : state.shape[2]] = n["spikes"]
        arrivals[:] = 0.0
        if trace.shape[2]:
            trace[:, :, k] = state
        if k == self.steps - 1 and not np.isfinite(state).all():
            sample, neuron = np.argwhere(~np.isfinite(state))[0][1:]
            raise NumericsError(
                "a state became NaN or infinite",
                where=f"population {name!r}, sample {self.first + sample}, neuron {neuron}",
                remedy="Check weights and parameters",
            )

    def spikes_of(self, name: str) -> tuple[NDArray[Any], ...]:
        """Sample, step and neuron of every spike, in order."""
        sample, step, neuron = np.nonzero(self.history[name])
        return sample + self.first, step, neuron

    def saturation(self) -> list[DeviceEvent]:
        """What was clipped, per population and sample."""
        found = list(self.events)
        for name, counts in self.clipped.items():
            for b in np.flatnonzero(counts[:, 0]):
                total, step, neuron = (int(v) for v in counts[b])
                found.append(DeviceEvent("saturation", name, self.first + int(b), step, neuron, None, total))
        return found


def _recording(
    machine: Machine, record: Mapping[str, Record], steps: int, samples: int, done: list[_Chunk]
) -> Recording:
    populations = {}
    for name, r in record.items():
        shape, model = machine.populations[name]
        spikes = None
        if "spikes" in r.variables:
            parts = [w.spikes_of(name) for w in done]
            vectors = [
                np.concatenate([p[i] for p in parts]) if parts else np.zeros(0, np.int32) for i in range(3)
            ]
            spikes = Spikes(*vectors, shape=shape, dt=machine.dt, steps=steps, samples=samples)
        variables = {}
        for v in r.variables:
            if v != "spikes":
                traces = [w.neurons[name]["trace"][model.STATE.index(v)] for w in done]
                values = np.concatenate(traces).transpose(1, 0, 2) if traces else np.zeros((steps, 0, *shape))
                variables[v] = np.ascontiguousarray(values).reshape(steps, samples, *shape)
        populations[name] = PopulationRecording(spikes, variables)
    events = tuple(e for w in done for e in w.saturation())
    return Recording(populations, machine.dt, steps, samples, events=events)
