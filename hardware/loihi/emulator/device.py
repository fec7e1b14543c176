"""The emulator: runs the emitted tables with the arithmetic of the chip's profile."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import DeviceEvent, PopulationRecording, Record, Recording
from neurosim.errors import DescriptionError, FileFormatError, NumericsError
from neurosim.hardware.emulator import Device, Overflow
from neurosim.hardware.loihi.emulator.loaded_chip import Chip, Sends, load_chip
from neurosim.hardware.loihi.emulator.run_chip import run_sample
from neurosim.hardware.loihi.numerics.lif import Cause, located
from neurosim.hardware.loihi.numerics.profiles import PROFILES, Numerics
from neurosim.hardware.loihi.tables.chip_tables import ChipTables
from neurosim.hardware.loihi.tables.table_files import read_tables
from neurosim.hardware.manifest import Manifest
from neurosim.spikes import Spikes

__all__ = ["LoihiDevice", "device_of", "load"]

Ints = NDArray[np.int64]

LOCATED_OVERFLOWS = 64
"""Overflows of a sample that are listed with their place, besides the first of every cause; the others are counted into
the last one of their cause."""

_VARIABLES = {"v": "v", "i": "u", "refractory_left": "dead"}


@dataclass(frozen=True)
class _Sample:
    step: Ints
    compartment: Ints
    watched: Mapping[str, Ints]
    rows: Ints
    count: Ints


class LoihiDevice(Device):
    """A Loihi-style chip running one build.

    States come out in register units: v, i (the register u) and refractory_left.
    """

    def __init__(self, manifest: Manifest, chip: Chip, numerics: Numerics) -> None:
        super().__init__(manifest)
        self.chip, self.numerics = chip, numerics
        for name, entry in (*manifest.inputs.items(), *manifest.populations.items()):
            part = (
                chip.host[name][0][1:]
                if name in manifest.inputs and name in chip.host
                else chip.members.get(name)
            )
            if part is None or len(part) != int(np.prod(entry.shape)):
                raise FileFormatError("manifest and tables differ", where=f"{name!r}", remedy="Compile again")

    def run(
        self,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """Run the chip for ``steps`` of its own steps. Nothing is random here; the seed is not used."""
        samples = next((s.samples for s in inputs.values()), 1)
        watch = self._watched(record)
        feed = self._feed(inputs, steps, samples)
        with ThreadPoolExecutor(int(os.environ.get("NEUROSIM_THREADS", 0)) or os.cpu_count() or 1) as pool:
            done = list(pool.map(lambda b: self._run_sample(feed(b), steps, watch), range(samples)))
        events = self._events(done)
        _report(events, overflow, done)
        recorded = {name: self._recording(name, r, done, watch, steps) for name, r in record.items()}
        return Recording(recorded, self.manifest.dt, steps, samples, events=events)

    def _watched(self, record: Mapping[str, Record]) -> Ints:
        found = [np.zeros(0, np.int64)]
        for name, r in record.items():
            states = set(r.variables) - {"spikes"}
            if unknown := states - set(self.manifest.populations[name].states):
                raise DescriptionError(
                    "cannot be recorded on this device",
                    where=f"population {name!r}",
                    value=sorted(unknown),
                    limit=["spikes", *self.manifest.populations[name].states],
                )
            if states:
                found.append(self.chip.members[name])
        return np.unique(np.concatenate(found))

    def _feed(self, inputs: Mapping[str, Spikes], steps: int, samples: int) -> Any:
        """For a sample: where each step's input spikes begin, their sources counted over all inputs, and counts."""
        offset, columns = 0, []
        for name in self.chip.host:
            s = inputs[name]
            columns.append((s.sample, s.step, s.neuron.astype(np.int64) + offset, s.counts_of_cells()))
            offset += s.size
        sample, step, source, count = (
            np.concatenate([np.zeros(0, np.int64), *(c[i] for c in columns)]) for i in range(4)
        )
        order = np.argsort(sample.astype(np.int64) * steps + step, kind="stable")
        sample, step, source, count = sample[order], step[order], source[order], count[order]
        bounds = np.searchsorted(sample, np.arange(samples + 1))

        def of(b: int) -> tuple[Ints, Ints, Ints]:
            mine = slice(bounds[b], bounds[b + 1])
            start = np.searchsorted(step[mine], np.arange(steps + 1)).astype(np.int64)
            return start, np.ascontiguousarray(source[mine]), np.ascontiguousarray(count[mine])

        return of

    def _run_sample(self, feed: tuple[Ints, Ints, Ints], steps: int, watch: Ints) -> _Sample:
        c, r, rules = self.chip, self.chip.registers, self.numerics
        n = len(c.v)
        host_start, host = _joined(c.host)
        spikes = np.zeros((steps, n), dtype=np.uint8)
        watched = {name: np.zeros((steps, len(watch)), dtype=np.int64) for name in ("u", "v", "dead")}
        count = np.zeros(len(Cause.NAMES), np.int64)
        rows = np.zeros((LOCATED_OVERFLOWS + len(count), 4), np.int64)
        run_sample(
            steps, np.zeros((c.slots, n), np.int64), c.u.copy(), c.v.copy(), np.zeros(n, np.int64),
            np.zeros(n, np.int64), r.keep_u, r.keep_v, r.bias, r.threshold, r.refractory,
            np.maximum(r.v_min, rules.v_min), np.minimum(r.v_max, rules.v_max), rules.accumulator_bits,
            int(rules.current), rules.bias_bits, c.axon_start, c.send.start, c.send.stop, c.send.base,
            c.target, c.weight, c.delay, *feed, host_start, host.start, host.stop, host.base, watch, spikes,
            watched["u"], watched["v"], watched["dead"], rows, count,
        )  # fmt: skip
        step, compartment = np.nonzero(spikes)
        return _Sample(step, compartment, watched, located(rows, count), count)

    def _recording(
        self, name: str, r: Record, done: list[_Sample], watch: Ints, steps: int
    ) -> PopulationRecording:
        entry, members = self.manifest.populations[name], self.chip.members[name]
        spikes = None
        if "spikes" in r.variables:
            number = np.full(len(self.chip.v), -1)
            number[members] = np.arange(len(members))
            cells = [(b, s.step, number[s.compartment]) for b, s in enumerate(done)]
            ours = [(np.full(len(n), b)[n >= 0], k[n >= 0], n[n >= 0]) for b, k, n in cells]
            nothing = np.zeros(0, np.int64)  # a batch may be empty
            which, step, neuron = (np.concatenate([nothing, *(c[i] for c in ours)]) for i in range(3))
            order = np.lexsort((neuron, step, which))  # cores hold neurons in any order
            which, step, neuron = which[order], step[order], neuron[order]
            spikes = Spikes(
                which, step, neuron, shape=entry.shape, dt=self.manifest.dt, steps=steps, samples=len(done)
            )
        column = np.searchsorted(watch, members)
        variables = {}
        for variable in (v for v in r.variables if v != "spikes"):
            values = np.zeros((steps, len(done), len(column)), np.int64)
            for b, sample in enumerate(done):
                values[:, b] = sample.watched[_VARIABLES[variable]][:, column]
            variables[variable] = values.reshape(steps, len(done), *entry.shape)
        return PopulationRecording(spikes, variables)

    def _events(self, done: list[_Sample]) -> tuple[DeviceEvent, ...]:
        place = {}
        for name, members in self.chip.members.items():
            place.update({int(c): (name, n) for n, c in enumerate(members.tolist())})
        events = []
        for b, sample in enumerate(done):
            listed = np.bincount(sample.rows[:, 0], minlength=len(Cause.NAMES))
            for k, (cause, step, compartment, value) in enumerate(sample.rows.tolist()):
                population, neuron = place.get(compartment, ("", compartment))
                last = not np.any(sample.rows[k + 1 :, 0] == cause)
                count = 1 + int(sample.count[cause] - listed[cause]) if last else 1
                kind = "saturation" if cause in (Cause.UPPER, Cause.LOWER) else "wrap"
                events.append(DeviceEvent(kind, population, b, step, neuron, float(value), count))
        return tuple(events)


def device_of(manifest: Manifest, tables: ChipTables) -> LoihiDevice:
    """The device that these tables describe.

    Raises:
        FileFormatError: tables that do not hold together, or an arithmetic that is not ours.
    """
    if tables.numerics not in PROFILES:
        raise FileFormatError(
            "names no arithmetic of ours",
            where="the chip's tables",
            value=tables.numerics,
            limit=sorted(PROFILES),
        )
    return LoihiDevice(manifest, load_chip(tables), PROFILES[tables.numerics])


def load(folder: Path, manifest: Manifest) -> Device:
    """The emulator of a build folder of a Loihi-style chip."""
    return device_of(manifest, read_tables(folder))


def _joined(host: Mapping[str, tuple[Ints, Sends]]) -> tuple[Ints, Sends]:
    """Axons of all inputs, their sources counted through."""
    starts, sends, offset = [np.zeros(1, np.int64)], [], 0
    for start, send in host.values():
        starts.append(start[1:] + offset)
        sends.append(send)
        offset += len(send.start)
    nothing = np.zeros(0, np.int64)
    columns = (np.concatenate([nothing, *(getattr(s, c) for s in sends)]) for c in ("start", "stop", "base"))
    return np.concatenate(starts), Sends(*columns)


def _report(events: tuple[DeviceEvent, ...], overflow: Overflow, done: list[_Sample]) -> None:
    if not events or overflow is Overflow.AS_CHIP:
        return
    first = min(events, key=lambda e: (e.sample, e.step))
    cause = Cause.NAMES[int(done[first.sample].rows[0, 0])]
    what = f"{cause}; {sum(e.count for e in events)} overflows in all"
    where = f"population {first.population!r}, neuron {first.neuron}, sample {first.sample}, machine step {first.step}"
    remedy = "Reduce the weights or the input, or give typical inputs as calibration"
    if overflow is Overflow.RAISE:
        raise NumericsError(what, where=where, value=first.value, remedy=remedy)
    warnings.warn(f"{where}: {what} (value {first.value:g}). {remedy}", RuntimeWarning, stacklevel=4)
