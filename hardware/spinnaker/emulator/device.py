"""The emulator of a build: the machine image read back, run sample by sample."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.recording import DeviceEvent, PopulationRecording, Record, Recording
from neurosim.engine.state import State
from neurosim.errors import DescriptionError, FileFormatError, NumericsError
from neurosim.hardware.emulator import Device, Overflow
from neurosim.hardware.manifest import Manifest
from neurosim.hardware.spinnaker.emulator.core_load import core_load
from neurosim.hardware.spinnaker.emulator.core_tables import Memory
from neurosim.hardware.spinnaker.emulator.fabric import fabric_of
from neurosim.hardware.spinnaker.emulator.learned_weights import learned_weights
from neurosim.hardware.spinnaker.emulator.machine_state import memory_of, state_of
from neurosim.hardware.spinnaker.emulator.observation import Observation
from neurosim.hardware.spinnaker.emulator.overflows import CAUSE_TEXT, EVENT_KIND, Cause
from neurosim.hardware.spinnaker.emulator.run_cores import Packets, Run, run
from neurosim.hardware.spinnaker.emulator.start_up import Started, start
from neurosim.hardware.spinnaker.image.machine_image import VertexKind, read_image
from neurosim.hardware.spinnaker.machine import read_limits
from neurosim.hardware.spinnaker.machine_file import machine_from
from neurosim.hardware.spinnaker.numerics.arithmetic import to_float
from neurosim.processors import thread_count
from neurosim.spikes import Spikes

__all__ = ["SpiNNakerDevice", "load"]

_WHAT = {
    "saturation": "a ring buffer saturated; so many raw weight units were lost",
    "wrap": "a 32-bit value wrapped around; so many results of this step",
    "late": "plastic synapses missed a postsynaptic spike that is not held any more; so many of them",
}
_REMEDY = {
    "saturation": "Calibrate with inputs as loud as these (max_expected_summed_weight in PyNN's terms), or reduce the "
    "weights",
    "late": "Let presynaptic neurons spike more often, which is when weights change, or postsynaptic ones less",
}
_REMEDY["wrap"] = _REMEDY["saturation"]
_TRACE_REMEDY = "Use shorter time constants of STDP, or lower rates"
_WORTH_A_THREAD = 20_000
"""Neurons that are worth a thread of their own, since threads meet in every step."""


class SpiNNakerDevice(Device):
    """A SpiNNaker machine running one build.

    Variables come out as numbers of s16.15: ``v`` after the step (the machine's own recording of step k + 1), and for
    current-based populations ``i``, the difference of the two synaptic values as the membrane used it.

    Attributes:
        started: the machine after its start.
        threads: at most this many, for one sample or for several side by side. None: ``$NEUROSIM_THREADS``, or all
            processors; for one sample as many as its neurons are worth. Results do not depend on it.
    """

    def __init__(self, manifest: Manifest, started: Started, threads: int | None = None) -> None:
        super().__init__(manifest)
        self.started = started
        self.threads = threads
        self._watched: list[tuple[list[Run], list[Memory]]] | None = None
        _check(manifest, started)

    def run(
        self,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """Run the machine for ``steps`` of its steps. Nothing is random here; the seed is not used."""
        return self.run_on(None, inputs, steps, record, seed, overflow)

    def observe(
        self,
        inputs: Mapping[str, Spikes | ArrayLike],
        duration: float | None = None,
        **options: Any,
    ) -> Observation:
        """`emulate` with the same arguments, and besides what the machine did: packets and loads in every step (4 bytes
        a step for each stream of packets, 12 for each core), overflows of every neuron, the memory at the end."""
        watching = copy(self)
        watching._watched = []
        recording = watching.emulate(inputs, duration, **options)
        ((done, memories),) = watching._watched
        s = self.started
        seconds = self.manifest.dt * float(self.manifest.settings["time_scale_factor"])
        fabric = fabric_of(s, [d.work.sent for d in done])
        clock = read_limits(self.manifest.profile)["clock_hertz"]
        return Observation(
            recording=recording,
            fabric=fabric,
            load=core_load(s, fabric, [d.work for d in done], clock * seconds),
            overflows=tuple(d.overflows for d in done),
            memories=tuple(memories),
            started=s,
        )

    def run_on(
        self,
        state: State | None,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """The same from a state on; None: from the start."""
        s = self.started
        samples = next((x.samples for x in inputs.values()), state.samples if state else 1)
        begin = state.step if state else 0
        memories = [memory_of(s, state, b) if state else s.memory() for b in range(samples)]
        done = self._runs(memories, self._packets(inputs, steps, samples), steps, begin, record)
        if self._watched is not None:
            self._watched.append((done, memories))
        events = self._events(done, begin, steps)
        _report(events, overflow)
        probes = self._probes(record)
        populations = {name: self._recording(name, r, done, probes, steps) for name, r in record.items()}
        return Recording(
            populations,
            self.manifest.dt,
            steps,
            samples,
            final_state=None if self.manifest.max_lag else state_of(s, memories, begin + steps),
            events=events,
            weights=learned_weights(s, memories, self.manifest.settings.get("plastic", {})),
        )

    def _runs(
        self,
        memories: Sequence[Memory],
        packets: Sequence[Packets],
        steps: int,
        begin: int,
        record: Mapping[str, Record],
    ) -> list[Run]:
        """All samples: side by side, or one with several threads."""
        tables, probes = self.started.tables, self._probes(record)
        threads, together = self._threads(len(memories))

        def sample(b: int) -> Run:
            return run(
                tables, memories[b], packets[b], steps,
                start=begin, probes=probes, threads=threads, watched=self._watched is not None,
            )  # fmt: skip

        if together == 1:
            return [sample(b) for b in range(len(memories))]
        with ThreadPoolExecutor(together) as pool:
            return list(pool.map(sample, range(len(memories))))

    def _threads(self, samples: int) -> tuple[int, int]:
        """Threads for a sample, and samples that run side by side."""
        most = thread_count(self.threads)
        if samples != 1:
            return 1, max(1, min(samples, most))
        neurons = len(self.started.initial.neurons.v)
        return (self.threads or max(1, min(most, neurons // _WORTH_A_THREAD))), 1

    def _members(self, name: str) -> slice:
        first = self.started.first[name]
        return slice(first, first + self.started.sizes[name])

    def _probes(self, record: Mapping[str, Record]) -> NDArray[np.int64]:
        found = [np.zeros(0, np.int64)]
        for name, r in record.items():
            states = self.manifest.populations[name].states
            unknown = set(r.variables) - {"spikes", *states}
            if unknown:
                raise DescriptionError(
                    "cannot be recorded on this device",
                    where=f"population {name!r}",
                    value=sorted(unknown),
                    limit=["spikes", *states],
                )
            if set(r.variables) - {"spikes"}:
                found.append(np.arange(self._members(name).start, self._members(name).stop))
        return np.unique(np.concatenate(found))

    def _packets(self, inputs: Mapping[str, Spikes], steps: int, samples: int) -> list[Packets]:
        """The packets of the spike sources of each sample."""
        columns = [np.zeros((3, 0), np.int64)]
        for name, s in inputs.items():
            if name in self.started.first:  # an input without synapses has no core
                atom = s.neuron.astype(np.int64) + self.started.first[name]
                columns.append(np.repeat(np.stack([s.sample, s.step, atom]), s.counts_of_cells(), axis=1))
        sample, step, atom = np.concatenate(columns, axis=1)
        order = np.lexsort((atom, step, sample))
        sample, step, atom = sample[order], step[order], atom[order]
        first = self.started.first_atom
        vertex = np.searchsorted(first, atom, side="right") - 1
        local = atom - first[vertex]
        bounds = np.searchsorted(sample, np.arange(samples + 1))
        return [
            Packets(
                np.searchsorted(step[a:b], np.arange(steps + 1)).astype(np.int64),
                vertex[a:b].astype(np.int64),
                local[a:b].astype(np.int64),
            )
            for a, b in itertools.pairwise(bounds.tolist())
        ]

    def _recording(
        self, name: str, r: Record, done: Sequence[Run], probes: NDArray[np.int64], steps: int
    ) -> PopulationRecording:
        shape, members = self.manifest.populations[name].shape, self._members(name)
        spikes = None
        if "spikes" in r.variables:
            columns = [np.zeros((3, 0), np.int64)]
            for b, d in enumerate(done):
                step = np.repeat(np.arange(steps), np.diff(d.spike_start))
                here = (d.spikes >= members.start) & (d.spikes < members.stop)
                neuron = d.spikes[here].astype(np.int64) - members.start
                columns.append(np.stack([np.full(len(neuron), b), step[here], neuron]))
            which, step, neuron = np.concatenate(columns, axis=1)
            spikes = Spikes(
                which, step, neuron, shape=shape, dt=self.manifest.dt, steps=steps, samples=len(done)
            )
        at = int(np.searchsorted(probes, members.start))
        column = slice(at, at + members.stop - members.start)
        traces = {"v": "v", "i": "current"}
        variables = {}
        for variable in set(r.variables) - {"spikes"}:
            words = np.zeros((steps, len(done), members.stop - members.start), dtype=np.int32)
            for b, d in enumerate(done):
                words[:, b] = getattr(d, traces[variable])[:, column]
            variables[variable] = to_float(words).reshape(steps, len(done), *shape)
        return PopulationRecording(spikes, variables)

    def _events(self, done: Sequence[Run], begin: int, steps: int) -> tuple[DeviceEvent, ...]:
        """Events of all samples, those of a core by cause; what was counted but not listed is added to the last."""
        events = []
        for b, d in enumerate(done):
            for core, cause in np.argwhere(d.overflows.counts > 0).tolist():
                v = self.started.vertices[core]
                listed = d.overflows.first[core, cause, : d.overflows.listed[core, cause]]
                rows = listed[
                    listed[:, 0] < begin + steps
                ].tolist()  # a later cell is not used in this run, but counts
                more = int(d.overflows.counts[core, cause]) - sum(count for *_, count in rows)
                for k, (step, neuron, value, count) in enumerate(rows):
                    events.append(
                        DeviceEvent(
                            EVENT_KIND[Cause(cause)],
                            v.population,
                            b,
                            step - begin,
                            neuron - self.started.first[v.population],
                            float(value),
                            count + more if k == len(rows) - 1 else count,
                            CAUSE_TEXT[Cause(cause)],
                        )
                    )
        return tuple(sorted(events, key=lambda e: (e.sample, e.step)))


def _report(events: tuple[DeviceEvent, ...], overflow: Overflow) -> None:
    if not events or overflow is Overflow.AS_CHIP:
        return
    first = events[0]
    where = f"population {first.population!r}, neuron {first.neuron}, sample {first.sample}, machine step {first.step}"
    what = f"{_WHAT[first.kind]} ({first.cause}); {sum(e.count for e in events)} overflows in all"
    remedy = _TRACE_REMEDY if first.cause == CAUSE_TEXT[Cause.TRACE] else _REMEDY[first.kind]
    if overflow is Overflow.RAISE:
        raise NumericsError(what, where=where, value=first.value, remedy=remedy)
    warnings.warn(f"{where}: {what} (value {first.value:g}). {remedy}", RuntimeWarning, stacklevel=4)


def _check(manifest: Manifest, started: Started) -> None:
    """Whether the manifest speaks of what the cores hold."""
    kinds = {v.population: v.kind for v in started.vertices if v.kind is not VertexKind.DELAY}
    found = {name: (kind, started.sizes[name]) for name, kind in kinds.items()}
    sources = {name: (VertexKind.SOURCE, math.prod(e.shape)) for name, e in manifest.inputs.items()}
    neurons = {name: (VertexKind.NEURONS, math.prod(e.shape)) for name, e in manifest.populations.items()}
    # without synapses, an input has no cores
    silent = {name: cores for name, cores in sources.items() if name not in found}
    differing = (found | silent).items() ^ (sources.items() | neurons.items())
    if differing:
        raise FileFormatError(
            "manifest and cores differ", where=f"population {min(differing)[0]!r}", remedy="Compile again"
        )
    factor = manifest.settings.get("time_scale_factor")
    if not (isinstance(factor, int | float) and 0 < factor < math.inf):
        raise FileFormatError(
            "is not a positive number", where="manifest, settings, time_scale_factor", value=factor
        )


def load(folder: Path, manifest: Manifest) -> SpiNNakerDevice:
    """The emulator of a build folder; `neurosim.hardware.load` calls it.

    Raises:
        FileFormatError: a file is damaged, or files contradict each other.
    """
    try:
        machine = machine_from(
            manifest.settings.get("machine", {}), manifest.profile, where="manifest, machine"
        )
    except DescriptionError as error:
        raise FileFormatError(f"speaks of a machine that cannot be: {error}", where="manifest") from None
    return SpiNNakerDevice(manifest, start(read_image(Path(folder)), machine))
