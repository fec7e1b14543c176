"""The SpiNNaker emulator of this project, from a build folder that it compiled."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import neurosim as ns
from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory
from neurosim import hardware
from neurosim.hardware.emulator import Overflow
from neurosim.loss_report import LossKind

__all__ = ["build", "network"]


def build(case: Case, options: Mapping[str, Any]) -> _Emulation:
    """The started machine; kernels are compiled or loaded."""
    return _Emulation(case, int(options["threads"]))


class _Emulation:
    def __init__(self, case: Case, threads: int) -> None:
        self.version, self.case = ns.__version__, case
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "build"
            hardware.compile(network(case), hardware.SpiNNaker(), allow=tuple(LossKind)).save(path)
            start = time.perf_counter()
            self.device = hardware.load(path)
            self.started = time.perf_counter() - start
        self.device.threads = threads
        self.synapses = case.synapses
        self.device.emulate({}, 2 * case.dt)
        self.seconds, self.spikes = 0.0, 0

    def run(self) -> Run:
        start = time.perf_counter()
        seconds = self.case.steps * self.case.dt
        record = {name: ns.Record("counts") for name in self.device.manifest.populations}
        found = self.device.emulate({}, seconds, record=record, overflow=Overflow.AS_CHIP)
        self.seconds = time.perf_counter() - start
        self.spikes = sum(int(np.sum(p.counts)) for p in found.values())
        return Run(seconds=self.seconds, spikes=self.spikes)

    def finish(self) -> dict[str, Any]:
        pace = self.case.steps * self.case.dt / self.seconds
        note = f"{pace:.2f} times real time; started in {self.started:.1f} s"
        return {"memory": peak_memory(), "work": self.case.events(self.spikes), "note": note}


def network(case: Case) -> ns.Network:
    """The network of a case."""
    n, rng = case.parameters["populations"], np.random.default_rng(0)
    size = case.neurons // n
    net = ns.Network(dt=case.dt, seed=1)
    for i in range(n):
        drive = rng.uniform(0.6, 1.2, size)
        model = ns.CurrentLIF(tau_membrane=20e-3, tau_synapse=5e-3, threshold=1.0, current=drive)
        net.population(f"p{i}", size, model)
    rule, delay = ns.FixedOutDegree(case.parameters["fan_out"]), ns.Uniform(1e-3, 16e-3)
    for i in range(n):
        for step, weight in ((0, -0.004), (1, 0.004)):
            net.connect(f"p{i}", f"p{(i + step) % n}", rule, weight=weight, delay=delay)
    net.output("p0")
    return net
