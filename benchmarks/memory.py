"""A hundred million synapses, each with its own weight in single precision, within two gibibytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.case import Case
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row
from benchmarks.systems import SYSTEMS

__all__ = ["CASES", "LIMIT", "large", "run"]

LIMIT = 2 * 2**30
"""Bytes that the process may take at most."""


def large(name: str, *, neurons: int, in_degree: int, steps: int) -> Case:
    """Neurons that a Poisson background makes fire, with synapses too weak to change much."""
    synapses = neurons * in_degree
    return Case(
        name=name,
        kind="large",
        arrays="",
        neurons=neurons,
        synapses=synapses,
        steps=steps,
        dt=0.1e-3,
        fan_out=in_degree,
        parameters={
            "in_degree": in_degree,
            "weight": 0.0,
            "spread": 1e-3,
            "delay": 1.5e-3,
            "noise_rate": 1000.0,
            "noise_weight": 0.055,
        },
    )


CASES: dict[str, Callable[[], Case]] = {
    "synapses100m": lambda: large("synapses100m", neurons=100_000, in_degree=1000, steps=2000)
}


def run(options: Options) -> Iterator[Row | Missing]:
    """One row: ours in single precision on the largest number of threads asked for, without peers."""
    starters = [(SYSTEMS["neurosim-f32"], max(options.threads))]
    for name, make in CASES.items():
        if not options.wants(name):
            continue
        for found in race(make(), replace(options, quick=True), starters):
            if isinstance(found, Row) and found.memory is not None:
                within = "within" if found.memory <= LIMIT else "ABOVE"
                yield replace(found, note=f"{within} {LIMIT / 2**30:g} GiB")
            else:
                yield found
