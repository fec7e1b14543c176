"""The emulator of a build: the machine image read back, run sample by sample."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import DeviceEvent, PopulationRecording, Record, Recording
from neurosim.errors import DescriptionError, FileFormatError, NumericsError
from neurosim.hardware.emulator import Device, Overflow
from neurosim.hardware.manifest import Manifest
from neurosim.hardware.spinnaker.emulator.run_cores import SATURATION, WRAP, Run, run
from neurosim.hardware.spinnaker.emulator.start_up import Started, start
from neurosim.hardware.spinnaker.image.machine_image import read_image
from neurosim.hardware.spinnaker.machine_file import machine_from
from neurosim.hardware.spinnaker.numerics.arithmetic import to_float
from neurosim.spikes import Spikes

__all__ = ["SpiNNakerDevice", "load"]

_KINDS = {SATURATION: "saturation", WRAP: "wrap"}
_WHAT = {
    SATURATION: "a ring buffer saturated; so many raw weight units were lost",
    WRAP: "a 32-bit value wrapped around; so many results of this step",
}


class SpiNNakerDevice(Device):
    """A SpiNNaker board running one build.

    Variables come out as numbers of s16.15: ``v`` after the step (the board's own recording of step k + 1), and for
    current-based populations ``i``, the difference of the two synaptic values as the membrane used it.
    """

    def __init__(self, manifest: Manifest, started: Started) -> None:
        super().__init__(manifest)
        self.started = started
        for name, entry in manifest.populations.items():
            if started.sizes.get(name) != int(np.prod(entry.shape)):
                raise FileFormatError(
                    "manifest and cores differ", where=f"population {name!r}", remedy="Compile again"
                )

    def run(
        self,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """Run the board for ``steps`` of its steps. Nothing is random here; the seed is not used."""
        s = self.started
        samples = next((x.samples for x in inputs.values()), 1)
        probes = self._probes(record)
        packets = self._packets(inputs, steps, samples)

        def sample(b: int) -> Run:
            return run(steps, s.cores, s.constants, s.state, s.synapses, *packets[b], probes)

        with ThreadPoolExecutor(max(1, min(samples, os.cpu_count() or 1))) as pool:
            done = list(pool.map(sample, range(samples)))
        events = self._events(done)
        _report(events, overflow)
        populations = {name: self._recording(name, r, done, probes, steps) for name, r in record.items()}
        return Recording(populations, self.manifest.dt, steps, samples, events=events)

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
                found.append(np.arange(*self._members(name).indices(len(self.started.state.v))))
        return np.unique(np.concatenate(found))

    def _packets(
        self, inputs: Mapping[str, Spikes], steps: int, samples: int
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each sample, where each step's packets of external sources begin, and their sources."""
        columns = [np.zeros((3, 0), np.int64)]
        for name, s in inputs.items():
            if name in self.started.first:  # an input without synapses has no core
                source = s.neuron.astype(np.int64) + self.started.first[name]
                columns.append(np.repeat(np.stack([s.sample, s.step, source]), s.counts_of_cells(), axis=1))
        sample, step, source = np.concatenate(columns, axis=1)
        order = np.lexsort((source, step, sample))
        sample, step, source = sample[order], step[order], source[order]
        bounds = np.searchsorted(sample, np.arange(samples + 1))
        return [
            (np.searchsorted(step[a:b], np.arange(steps + 1)).astype(np.int64), source[a:b].copy())
            for a, b in itertools.pairwise(bounds)
        ]

    def _recording(
        self, name: str, r: Record, done: list[Run], probes: NDArray[np.int64], steps: int
    ) -> PopulationRecording:
        shape, members = self.manifest.populations[name].shape, self._members(name)
        spikes = None
        if "spikes" in r.variables:
            found = [np.nonzero(d.spikes[:, members]) for d in done]
            which = np.repeat(np.arange(len(done)), [len(step) for step, _ in found])
            step, neuron = (np.concatenate([np.zeros(0, np.int64), *(f[i] for f in found)]) for i in range(2))
            spikes = Spikes(
                which, step, neuron, shape=shape, dt=self.manifest.dt, steps=steps, samples=len(done)
            )
        at = np.searchsorted(probes, members.start)
        column = slice(int(at), int(at) + self.started.sizes[name])
        traces = {"v": "v", "i": "current"}
        variables = {}
        for variable in set(r.variables) - {"spikes"}:
            words = np.zeros((steps, len(done), self.started.sizes[name]), dtype=np.int32)
            for b, d in enumerate(done):
                words[:, b] = getattr(d, traces[variable])[:, column]
            variables[variable] = to_float(words).reshape(steps, len(done), *shape)
        return PopulationRecording(spikes, variables)

    def _events(self, done: list[Run]) -> tuple[DeviceEvent, ...]:
        """Events of all samples; those that were counted but not listed are added to the last one of their kind."""
        names = [name for name in self.started.first if name in self.manifest.populations]
        starts = np.array([self.started.first[name] for name in names])
        events = []
        for b, d in enumerate(done):
            for kind, text in _KINDS.items():
                listed = d.events[d.events[:, 0] == kind]
                more = int(d.counts[kind]) - len(listed)
                rows = listed[listed[:, 1] < len(d.spikes)].tolist()  # a later cell is never used
                for k, (_, step, neuron, value) in enumerate(rows):
                    name = names[int(np.searchsorted(starts, neuron, side="right")) - 1]
                    count = 1 + more if k == len(rows) - 1 else 1
                    events.append(
                        DeviceEvent(
                            text, name, b, step, neuron - self.started.first[name], float(value), count
                        )
                    )
        return tuple(events)


def _report(events: tuple[DeviceEvent, ...], overflow: Overflow) -> None:
    if not events or overflow is Overflow.AS_CHIP:
        return
    first = min(events, key=lambda e: (e.sample, e.step))
    kind = SATURATION if first.kind == _KINDS[SATURATION] else WRAP
    where = f"population {first.population!r}, neuron {first.neuron}, sample {first.sample}, machine step {first.step}"
    what = f"{_WHAT[kind]}; {sum(e.count for e in events)} overflows in all"
    remedy = "Give typical inputs as calibration when compiling, or reduce the weights"
    if overflow is Overflow.RAISE:
        raise NumericsError(what, where=where, value=first.value, remedy=remedy)
    warnings.warn(f"{where}: {what} (value {first.value:g}). {remedy}", RuntimeWarning, stacklevel=4)


def load(folder: Path, manifest: Manifest) -> SpiNNakerDevice:
    """The emulator of a build folder; `neurosim.hardware.load` calls it.

    Raises:
        FileFormatError: a file is damaged, or files contradict each other.
    """
    machine = machine_from(manifest.settings.get("machine", {}), manifest.profile, where="manifest, machine")
    return SpiNNakerDevice(manifest, start(read_image(Path(folder)), machine))
