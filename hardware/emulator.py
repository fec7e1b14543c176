"""The common part of every emulator: network time around machine time, network units around device units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.inputs import checked_inputs, checked_record, steps_of
from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.engine.state import State
from neurosim.errors import ShapeError, UnsupportedError
from neurosim.hardware.manifest import Manifest
from neurosim.spikes import Spikes

__all__ = ["Device", "Overflow", "machine_inputs"]


class Overflow(Enum):
    """What the emulator does when a number leaves the range of the device."""

    AS_CHIP = "as the chip"
    """compute what the chip computes and list it in ``recording.events``"""
    WARN = "warn"
    """the same, with one warning"""
    RAISE = "raise"
    """stop with a NumericsError"""


class Device(ABC):
    """An emulator of one build. Subclasses implement `run` in machine time and device units."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    @abstractmethod
    def run(
        self,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """Run ``steps`` machine steps. Every input is given, in machine time. Variables come back as [T, B, *shape] of
        every step (`emulate` applies ``every`` and ``neurons`` of `Record`, and makes counts of the spikes)."""

    def run_on(
        self,
        state: State | None,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        """`run` from a state that a recording of this device left (``final_state``), or from the start.

        Raises:
            UnsupportedError: this device cannot go on from a state.
        """
        if state is None:
            return self.run(inputs, steps, record, seed, overflow)
        raise UnsupportedError(
            "cannot go on from a state",
            where=f"target {self.manifest.target!r}",
            remedy="Run it in one piece",
        )

    def emulate(
        self,
        inputs: Mapping[str, Spikes | ArrayLike],
        duration: float | None = None,
        *,
        record: Mapping[str, Record | str] | None = None,
        seed: int = 0,
        raw: bool = False,
        overflow: Overflow = Overflow.WARN,
        state: State | None = None,
    ) -> Recording:
        """Compute what the device would, from the emitted files.

        Args:
            inputs: input name -> `Spikes` or counts [T, B, *shape]; inputs left out stay silent.
            duration: seconds; None: as long as the inputs.
            record: population -> what to record; None: spikes of the outputs.
            seed: draws the device and its noise, where it has any.
            raw: machine time and device units instead of the network's.
            overflow: what to do when a number leaves the range of the device.
            state: the ``final_state`` of a recording of this device, to go on from; a run in parts is the run.

        Raises:
            UnsupportedError: a state, where the device cannot go on from one or populations lag behind network time.
        """
        m = self.manifest
        shapes = {name: entry.shape for name, entry in m.inputs.items()}
        given = checked_inputs(inputs, shapes, m.dt)
        steps = steps_of(duration, given, m.dt)
        held = {name: entry.shape for name, entry in m.populations.items()}
        wanted = checked_record(record, m.outputs, held, m.dt)
        if state is not None and m.max_lag:
            raise UnsupportedError(
                "cannot go on from a state: populations lag behind network time",
                where=f"target {m.target!r}",
                value=f"{m.max_lag} steps",
                remedy="Give all projections a delay of at least one step",
            )
        total = steps + m.max_lag
        samples = next((s.samples for s in given.values()), 1 if state is None else state.samples)
        if state is not None and state.samples != samples:
            raise ShapeError(
                "has another number of samples than the inputs",
                where="state",
                value=state.samples,
                limit=samples,
            )
        lag = {name: entry.lag for name, entry in m.inputs.items()}
        machine = machine_inputs(given, shapes, lag, dt=m.dt, steps=(steps, total), samples=samples)
        everything = {name: Record(*r.kept) for name, r in wanted.items()}
        recording = self.run_on(state, machine, total, everything, seed, overflow)
        if raw:
            return replace(recording, populations=_counted(recording, wanted))
        return self._in_network_time(recording, wanted, steps)

    def _in_network_time(self, recording: Recording, wanted: Mapping[str, Record], steps: int) -> Recording:
        populations = {}
        for name, r in wanted.items():
            entry, raw = self.manifest.populations[name], recording[name]
            spikes = raw.spikes.shift(-entry.lag).resize(steps) if raw.spikes is not None else None
            variables: dict[str, Any] = {}
            stride = r.stride(self.manifest.dt)
            for variable, values in raw.variables.items():
                scale, offset = entry.states.get(variable, (1.0, 0.0))
                values = values[entry.lag : entry.lag + steps : stride]
                if r.neurons is not None:
                    values = values.reshape(*values.shape[:2], -1)[..., np.array(r.neurons, np.int64)]
                variables[variable] = values / scale + offset
            populations[name] = PopulationRecording.of_kept(r, spikes, variables, stride)
        lag = {name: entry.lag for name, entry in self.manifest.populations.items()}
        moved = (replace(e, step=e.step - lag.get(e.population, 0)) for e in recording.events)
        events = tuple(e for e in moved if 0 <= e.step < steps)
        return replace(recording, populations=populations, steps=steps, events=events, lag=lag)


def machine_inputs(
    given: Mapping[str, Spikes],
    shapes: Mapping[str, tuple[int, ...]],
    lag: Mapping[str, int],
    *,
    dt: float,
    steps: tuple[int, int],
    samples: int,
) -> dict[str, Spikes]:
    """Every input in machine time: what is given in network time, moved by its lag, or silence.

    Args:
        shapes, lag: of all inputs; the lag in steps. steps: in network time, and of the machine.
    """
    network, machine = steps
    found = {}
    for name, shape in shapes.items():
        s = given.get(name)
        if s is None:
            s = Spikes([], [], [], shape=shape, dt=dt, steps=network, samples=samples)
        found[name] = s.resize(network).resize(machine).shift(lag.get(name, 0))
    return found


def _counted(recording: Recording, wanted: Mapping[str, Record]) -> dict[str, PopulationRecording]:
    """What was wanted of every population, in machine time: all neurons and steps."""
    return {
        name: PopulationRecording.of_kept(
            r.replace(neurons=None), recording[name].spikes, recording[name].variables
        )
        for name, r in wanted.items()
    }
