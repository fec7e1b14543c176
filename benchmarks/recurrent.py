"""A recurrent network of LIF neurons with a delay on every synapse, driven by Poisson input.

Work is counted in synaptic events. Brian2 runs the same description through `neurosim.interchange.brian2`, which it
integrates with NumPy code; its time includes that translation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata

import numpy as np

import neurosim as ns
from benchmarks import OURS, Row
from benchmarks.measure import measure
from neurosim.random import key, uniform

__all__ = ["prepare", "run"]

DT = 1e-3


def run(peers: tuple[str, ...] | None, quick: bool) -> Iterator[Row]:
    """Rows for ours on one thread and on all, and for Brian2 where it is installed and asked for."""
    import os

    sizes = (200,) if quick else (1000, 4000)
    for neurons in sizes:
        case = f"{neurons} LIF neurons, 10 % connected, 0.5 s"
        threads = sorted({1, os.cpu_count() or 1})
        systems = [(OURS, "neurosim-toolkit", n) for n in threads] + [("brian2", "brian2", 1)]
        for system, distribution, n in systems:
            if system != OURS and peers is not None and system not in peers:
                continue
            try:
                version = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
            found = measure(
                "benchmarks.recurrent:prepare",
                threads=n,
                repeats=1 if quick else 3,
                system=system,
                neurons=neurons,
            )
            yield Row(
                case=case,
                system=system,
                version=version,
                threads=n,
                work=found.work,
                unit="synaptic events",
                seconds=found.seconds,
                memory=found.memory,
            )


def prepare(system: str, neurons: int) -> Callable[[], float]:
    """The network, and a function that runs it and counts its synaptic events."""
    net = ns.Network(dt=DT, seed=1)
    source = net.input("noise", neurons)
    population = net.population(
        "neurons", neurons, ns.LIF(tau_membrane=20e-3, threshold=1.0, refractory=2e-3)
    )
    net.connect(source, population, ns.OneToOne(), weight=0.4)
    weight = ns.Normal(0.0, 2.0 / neurons)
    net.connect(population, population, ns.FixedProbability(0.1), weight=weight, delay=ns.Uniform(1e-3, 8e-3))
    steps = 500
    draw = uniform(key(1, "encode", "recurrent"), np.arange(steps * neurons)).reshape(steps, 1, neurons)
    inputs = {"noise": ns.Spikes.from_dense(draw < 0.1, dt=DT)}
    from neurosim.engine.lower import lower

    plan = lower(net)
    recurrent = next(p for p in plan.projections if p.pre == "neurons")
    fan_out = np.diff(recurrent.row_start)
    record = {"neurons": "spikes"}
    backend = "neurosim" if system == OURS else system

    def work() -> float:
        spikes = ns.simulate(plan, inputs, record=record, backend=backend)["neurons"].spikes
        assert spikes is not None
        return float(fan_out[spikes.neuron].sum() + len(inputs["noise"]))

    return work
