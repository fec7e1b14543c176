"""The emulator: runs the emitted tables with the arithmetic of the chip's profile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.engine.state import State
from neurosim.errors import DescriptionError, FileFormatError
from neurosim.hardware.emulator import Device, Overflow
from neurosim.hardware.loihi.emulator.chip import Chip
from neurosim.hardware.loihi.emulator.chip_state import ChipState, chip_states_of, program_rows, state_of
from neurosim.hardware.loihi.emulator.kernel_arrays import Feed
from neurosim.hardware.loihi.emulator.loaded_chip import load_chip
from neurosim.hardware.loihi.emulator.overflow_events import events_of, report
from neurosim.hardware.loihi.emulator.sample_run import Sample, SampleRunner
from neurosim.hardware.loihi.numerics.profiles import PROFILES, Numerics
from neurosim.hardware.loihi.numerics.programs import STATE_ROWS
from neurosim.hardware.loihi.numerics.voltage_register import voltage_readout
from neurosim.hardware.loihi.tables.chip_tables import ChipTables
from neurosim.hardware.loihi.tables.table_files import read_tables
from neurosim.hardware.manifest import Manifest
from neurosim.processors import thread_count
from neurosim.spikes import Spikes

__all__ = ["LoihiDevice", "device_of", "load"]

Ints = NDArray[np.int64]

_NETWORK_NAMES = {"i": "u", "refractory_left": "dead"}
"""Variables of a network whose register has another name."""


class LoihiDevice(Device):
    """A Loihi-style chip running one build.

    States come out in register units: v, i (the register u) and refractory_left of leaky integrate-and-fire neurons,
    and of every program the rows of its state by their names (`ProgramRules.state`). Besides there are ``message``,
    what a neuron sends (0 for nothing, 1 for a spike, the number of a graded one), and ``v_register`` of leaky
    integrate-and-fire neurons, what a probe of the potential reads (`voltage_readout`). Spikes are messages of any
    number.

    Attributes:
        threads: at most this many samples side by side. None: ``$NEUROSIM_THREADS``, or all processors.
    """

    def __init__(
        self, manifest: Manifest, chip: Chip, numerics: Numerics, threads: int | None = None
    ) -> None:
        super().__init__(manifest)
        self.chip, self.numerics, self.threads = chip, numerics, threads
        self.runner = SampleRunner(chip, numerics)
        sizes = {name: len(s.axon_start) - 1 for name, s in chip.host.items()}
        sizes |= {name: len(members) for name, members in chip.members.items()}
        for name, entry in (*manifest.inputs.items(), *manifest.populations.items()):
            if sizes.get(name) != int(np.prod(entry.shape)):
                raise FileFormatError("manifest and tables differ", where=f"{name!r}", remedy="Compile again")
        if missing := sorted(set(chip.host) - set(manifest.inputs)):
            raise FileFormatError(
                "manifest and tables differ", where=f"{missing[0]!r}", remedy="Compile again"
            )

    def run(
        self,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """Run the chip for ``steps`` of its own steps. Nothing is random here; the seed is not used."""
        return self.run_on(None, inputs, steps, record, seed, overflow)

    def run_on(
        self,
        state: State | None,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """The same from a state on; None: from the start.

        Raises:
            ShapeError, DataError: a state that is not one of this build.
        """
        samples = next((s.samples for s in inputs.values()), state.samples if state else 1)
        rows = {name: self._rows(name, r) for name, r in record.items()}
        watched = [self.chip.members[name] for name, r in rows.items() if r]
        compartments = np.unique(np.concatenate([np.zeros(0, np.int64), *watched]))
        kept = np.array(sorted({row for r in rows.values() for row in r}), np.int64)
        if state is None:
            born, states = 0, [self.runner.start()] * samples
        else:
            born, states = state.step, chip_states_of(self.chip, state)
        feeds = self._feeds(inputs, steps, samples)

        def sample(b: int) -> Sample:
            return self.runner.run(states[b], feeds[b], steps, compartments, kept)

        done = self._all(sample, samples)
        events = events_of(self.chip, done)
        report(events, overflow)
        recorded = {
            name: self._recording(name, r, states, done, compartments, kept.tolist(), steps)
            for name, r in record.items()
        }
        return Recording(
            recorded,
            self.manifest.dt,
            steps,
            samples,
            final_state=state_of(self.chip, [d.state for d in done], born + steps)
            if not self.manifest.max_lag
            else None,
            events=events,
        )

    def _rows(self, name: str, record: Record) -> list[int]:
        """Rows of the state that the variables of a population are made of; `STATE_ROWS` is the message."""
        rows = self._known(name)
        if unknown := sorted(set(record.states) - set(rows)):
            raise DescriptionError(
                "cannot be recorded on this device",
                where=f"population {name!r}",
                value=unknown,
                limit=["spikes", *rows],
            )
        return [row for variable in record.states for row in rows[variable]]

    def _known(self, name: str) -> dict[str, tuple[int, ...]]:
        """Rows of each variable of a population."""
        rows = program_rows(self.chip, name)
        known: dict[str, tuple[int, ...]] = {variable: (row,) for variable, row in rows.items()}
        known["message"] = (STATE_ROWS,)
        if "dead" in rows:
            known["v_register"] = (rows["v"], rows["dead"], STATE_ROWS)
        for variable in self.manifest.populations[name].states:
            if (register := _NETWORK_NAMES.get(variable)) in rows:
                known[variable] = (rows[register],)
        return known

    def _all(self, run: Callable[[int], Sample], samples: int) -> list[Sample]:
        threads = thread_count(self.threads)
        if min(threads, samples) <= 1:
            return [run(b) for b in range(samples)]
        with ThreadPoolExecutor(min(threads, samples)) as pool:
            return list(pool.map(run, range(samples)))

    def _feeds(self, inputs: Mapping[str, Spikes], steps: int, samples: int) -> list[Feed]:
        """The input spikes of each sample, their sources counted over all inputs."""
        columns = [np.zeros((4, 0), np.int64)]
        for name, first in self.chip.place.items():
            s = inputs[name]
            columns.append(np.stack([s.sample, s.step, s.neuron + np.int64(first), s.counts_of_cells()]))
        sample, step, source, count = np.concatenate(columns, axis=1).astype(np.int64)
        if len(columns) > 2:
            order = np.argsort(sample * steps + step, kind="stable")
            sample, step, source, count = sample[order], step[order], source[order], count[order]
        bounds = np.searchsorted(sample, np.arange(samples + 1)).tolist()
        return [
            Feed(np.searchsorted(step[a:b], np.arange(steps + 1)), source[a:b], count[a:b])
            for a, b in itertools.pairwise(bounds)
        ]

    def _recording(
        self,
        name: str,
        record: Record,
        begun: Sequence[ChipState],
        done: Sequence[Sample],
        compartments: Ints,
        kept: list[int],
        steps: int,
    ) -> PopulationRecording:
        shape, members = self.manifest.populations[name].shape, self.chip.members[name]
        spikes = self._spikes(members, done, shape, steps) if "spikes" in record.variables else None
        column = np.searchsorted(compartments, members)
        whole = len(column) > 0 and np.array_equal(column, np.arange(column[0], column[0] + len(column)))
        at = slice(column[0], column[0] + len(column)) if whole else column  # a slice is not copied
        variables = {}
        for variable in record.states:
            rows = self._known(name)[variable]
            values = np.empty((steps, len(done), len(members)), np.int64)
            for b, sample in enumerate(done):
                found = [sample.kept[:, kept.index(row)][:, at] for row in rows]
                values[:, b] = found[0]
                if variable == "v_register":
                    v, dead, message = found
                    values[:, b] = _readout(v, dead, message, begun[b].neurons[2, members])
            variables[variable] = values.reshape(steps, len(done), *shape)
        return PopulationRecording(spikes, variables)

    def _spikes(self, members: Ints, done: Sequence[Sample], shape: tuple[int, ...], steps: int) -> Spikes:
        number = np.full(self.chip.compartments, -1, np.int32)
        number[members] = np.arange(len(members))
        columns = [np.zeros((3, 0), np.int32)]
        for b, s in enumerate(done):
            neuron = number[s.compartment]
            here = neuron >= 0
            step, neuron = s.step[here], neuron[here]
            if np.any(
                (neuron[1:] <= neuron[:-1]) & (step[1:] == step[:-1])
            ):  # neurons lie elsewhere on the cores
                order = np.lexsort((neuron, step))
                step, neuron = step[order], neuron[order]
            columns.append(np.stack([np.full(len(step), b, np.int32), step, neuron]))
        which, step, neuron = np.concatenate(columns, axis=1)
        dt = self.manifest.dt
        return Spikes.trusted(which, step, neuron, shape=shape, dt=dt, steps=steps, samples=len(done))


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


def _readout(v: Ints, left: Ints, message: Ints, dead: Ints) -> Ints:
    """The potential register as the host reads it, [T, n] each; ``dead``: the counter [n] before the first step."""
    none = np.zeros_like(dead)
    rows = ((none, v), (none, message), (dead, left))
    return voltage_readout(*(np.concatenate([first[None], rest]) for first, rest in rows))[1:]
