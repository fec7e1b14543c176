"""The Loihi emulator of this project, from a build folder."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory
from benchmarks.systems.raster import raster_digest
from neurosim import hardware
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.numerics.profiles import PROFILES
from neurosim.hardware.loihi.numerics.weights import SignMode
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.loihi.tables.table_files import write_tables
from neurosim.hardware.manifest import Manifest, PopulationEntry, write_folder

__all__ = ["build", "device_network"]

ROOMY = 1 << 22
"""Bits of synapse memory given to a core where the case asks for one: 10 % of all pairs do not fit a real one."""


def build(case: Case, options: Mapping[str, Any]) -> _Emulation:
    """The loaded chip; kernels are compiled or loaded."""
    return _Emulation(case)


class _Emulation:
    def __init__(self, case: Case) -> None:
        self.version, self.case = ns.__version__, case
        with np.load(case.arrays) as file:
            arrays = {name: file[name] for name in file.files}
        chip, network = read_chip("loihi1"), device_network(arrays)
        limits = dict(chip.limits)
        if case.parameters["cores"] == 1:
            limits["synapse_bits"] = ROOMY
        start = time.perf_counter()
        mapped = map_network(network, limits)
        self.mapping = time.perf_counter() - start
        self.cores = len(mapped.cores)
        files = write_tables(tables_of(mapped, PROFILES[chip.numerics]))
        manifest = Manifest(
            target="loihi",
            profile="loihi1",
            dt=case.dt,
            inputs={name: PopulationEntry(shape=(size,)) for name, size in network.inputs.items()},
            populations={"cells": PopulationEntry(shape=(case.neurons,))},
            outputs=("cells",),
        )
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder) / "build", manifest, files)
            start = time.perf_counter()
            self.device = hardware.load(Path(folder) / "build")
            self.started = time.perf_counter() - start
        self.synapses = sum(len(p.weight) for p in network.projections)
        self.inputs = _inputs(case, arrays)
        self.fan_out = np.diff(arrays["row_start"])
        self.seconds: list[float] = []
        self.digest, self.events = "", 0
        self._emulate(2)

    def _emulate(self, steps: int) -> Any:
        given = {name: s.resize(steps) for name, s in self.inputs.items()}
        return self.device.emulate(given, steps * self.case.dt, overflow=Overflow.AS_CHIP)["cells"].spikes

    def run(self) -> Run:
        start = time.perf_counter()
        found = self._emulate(self.case.steps)
        self.seconds.append(time.perf_counter() - start)
        self.events = int(self.fan_out[found.neuron].sum())
        if found.samples == 1:
            self.digest = raster_digest(found.step, found.neuron, self.case.neurons)
        return Run(seconds=self.seconds[-1], spikes=len(found.step))

    def finish(self) -> dict[str, Any]:
        step = statistics.median(self.seconds) / (self.case.steps * self.case.samples)
        note = f"{self.cores} core{'s' * (self.cores > 1)}, {step * 1e3:.3g} ms a step; started in {self.started:.1f} s"
        if self.case.parameters["cores"] == 1:
            note += f"; {ROOMY:,} bits of synapse memory, so that it is one core"
        work = self.events + self.case.input_events
        return {"memory": peak_memory(), "work": work, "digest": self.digest, "note": note}


def device_network(arrays: Mapping[str, NDArray[Any]]) -> DeviceNetwork:
    """The network of a case, every number as it stands."""
    n = len(arrays["du"])
    registers = {
        name: arrays[name].astype(np.int64)
        for name in ("du", "dv", "threshold", "bias_mantissa", "bias_exponent")
    }
    zeros = np.zeros(n, np.int64)
    cells = DevicePopulation(name="cells", size=n, refractory=zeros + 1, u=zeros, v=zeros, **registers)
    projections = [_projection("cells", arrays, "")]
    inputs = {}
    if len(arrays.get("input_row_start", ())) > 1:
        inputs["in"] = len(arrays["input_row_start"]) - 1
        projections.append(_projection("in", arrays, "input_"))
    return DeviceNetwork(inputs=inputs, populations={"cells": cells}, projections=tuple(projections))


def _projection(pre: str, arrays: Mapping[str, NDArray[Any]], prefix: str) -> DeviceProjection:
    weight = arrays[f"{prefix}weight"].astype(np.int64)
    zeros = np.zeros(len(weight), np.int64)
    return DeviceProjection(
        name=f"{pre}->cells",
        pre=pre,
        post="cells",
        row_start=arrays[f"{prefix}row_start"].astype(np.int64),
        target=arrays[f"{prefix}target"].astype(np.int64),
        weight=weight,
        exponent=zeros,
        mode=zeros + int(SignMode.MIXED),
        delay=zeros,
    )


def _inputs(case: Case, arrays: Mapping[str, NDArray[Any]]) -> dict[str, ns.Spikes]:
    size = int(case.parameters["inputs"])
    if not size:
        return {}
    frame: dict[str, Any] = {"shape": size, "dt": case.dt, "steps": case.steps, "samples": case.samples}
    return {"in": ns.Spikes(arrays["sample"], arrays["step"], arrays["channel"], **frame)}
