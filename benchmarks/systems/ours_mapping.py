"""Mapping to SpiNNaker in this project: quantise, split, place, route, and write the build folder."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import neurosim as ns
from benchmarks.case import Case
from benchmarks.runner import Run, peak_memory
from neurosim import hardware
from neurosim.engine.lower import lower
from neurosim.hardware.compiler.retime import retime

__all__ = ["build", "network"]


def build(case: Case, options: Mapping[str, Any]) -> _Mapping:
    """The network, lowered; kernels are compiled or loaded."""
    return _Mapping(case)


class _Mapping:
    def __init__(self, case: Case) -> None:
        self.version = ns.__version__
        self.target = hardware.SpiNNaker(boards=case.parameters["boards"])
        small = replace(case, neurons=200, parameters={**case.parameters, "populations": 2, "fan_out": 3})
        self.plan = lower(network(small))
        self._map()
        self.plan = lower(network(case))
        self.synapses = sum(p.n_synapses for p in self.plan.projections)
        self.note = ""

    def run(self) -> Run:
        start = time.perf_counter()
        self._map()
        return Run(seconds=time.perf_counter() - start, spikes=0)

    def _map(self) -> None:
        plan, lag, _ = retime(self.plan, self.target.transport)
        made = self.target.map(plan, lag, None)
        cores = next(u.used for u in made.usage if u.resource == "cores")
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            made.save(Path(folder) / "build")
            seconds = time.perf_counter() - start
            size = sum(file.stat().st_size for file in (Path(folder) / "build").iterdir())
        self.note = f"{cores:g} cores; {size / 1e6:.0f} MB of files, written in {seconds:.1f} s of it"

    def finish(self) -> dict[str, Any]:
        return {"memory": peak_memory(), "work": self.synapses, "note": self.note}


def network(case: Case) -> ns.Network:
    """The network of a case."""
    n = case.parameters["populations"]
    net = ns.Network(dt=case.dt, seed=1)
    for i in range(n):
        net.population(f"p{i}", case.neurons // n, ns.LIF())
    for i in range(n):
        for step, weight in ((1, ns.Uniform(0.01, 0.1)), (2, ns.Uniform(-0.1, -0.01))):
            rule = ns.FixedOutDegree(case.parameters["fan_out"])
            delay = ns.Uniform(1e-3, 16e-3)
            net.connect(f"p{i}", f"p{(i + step) % n}", rule, weight=weight, delay=delay)
    net.output("p0")
    return net
