"""A SpiNNaker machine emulated from its build folder: one core, and a full board of 48 chips.

The neurons are driven by constant currents, each by its own, and excite and inhibit each other a little. The note says
how many times faster than the machine, whose steps take 1 ms, the emulator is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.case import Case
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row
from benchmarks.systems import SYSTEMS

__all__ = ["CASES", "board", "run"]


def board(name: str, *, populations: int, cores: int, fan_out: int, steps: int) -> Case:
    """Populations of ``cores`` full cores in a ring, with ``fan_out`` synapses of a neuron to the next one and as many
    within its own; delays of 1 to 16 steps."""
    neurons = populations * cores * 256
    return Case(
        name=name,
        kind="board",
        arrays="",
        neurons=neurons,
        synapses=2 * neurons * fan_out,
        steps=steps,
        dt=1e-3,
        fan_out=2 * fan_out,
        parameters={"populations": populations, "fan_out": fan_out},
    )


CASES: dict[str, Callable[[], Case]] = {
    "core": lambda: board("core", populations=1, cores=1, fan_out=25, steps=20_000),
    "board": lambda: board("board", populations=10, cores=75, fan_out=50, steps=200),
}


def run(options: Options) -> Iterator[Row | Missing]:
    """A row for each case and number of threads, without peers."""
    emulator = replace(SYSTEMS["neurosim"], module="benchmarks.systems.ours_emulation")
    for name, make in CASES.items():
        if options.wants(name):
            yield from race(make(), options, [(emulator, t) for t in options.threads])
