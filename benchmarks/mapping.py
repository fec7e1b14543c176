"""Large networks onto SpiNNaker: from a lowered plan to the files of the machine, on one thread.

Populations of 10,000 neurons in a ring, each projecting to the next two: a row costs every core of the target three
words for each source neuron, so a network of this size only fits the shared memory if its populations are not all
connected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.case import Case
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row
from benchmarks.systems import SYSTEMS

__all__ = ["CASES", "ring", "run"]


def ring(name: str, *, populations: int, size: int, fan_out: int, boards: int) -> Case:
    """Populations with ``fan_out`` synapses of a neuron in each of two projections; delays of 1 to 16 steps."""
    neurons = populations * size
    return Case(
        name=name,
        kind="ring",
        arrays="",
        neurons=neurons,
        synapses=2 * neurons * fan_out,
        steps=0,
        dt=1e-3,
        fan_out=2 * fan_out,
        parameters={"populations": populations, "fan_out": fan_out, "boards": boards},
    )


CASES: dict[str, Callable[[], Case]] = {
    "neurons100k": lambda: ring("neurons100k", populations=10, size=10_000, fan_out=100, boards=1),
    "neurons1m": lambda: ring("neurons1m", populations=100, size=10_000, fan_out=100, boards=6),
}


def run(options: Options) -> Iterator[Row | Missing]:
    """A row for each case, without peers; the work is synapses."""
    mapper = replace(SYSTEMS["neurosim"], module="benchmarks.systems.ours_mapping")
    for name, make in CASES.items():
        if options.wants(name):
            for found in race(make(), replace(options, quick=True), [(mapper, 1)]):
                if isinstance(found, Row):
                    found = replace(found, unit="synapses", ns_per_event=None, neuron_updates_per_second=None)
                yield found
