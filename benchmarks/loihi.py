"""Loihi emulators: one recurrent core beside nengo-loihi's, a full chip, and a batch over threads.

All numbers are the chip's integers, so that spikes must be equal bit for bit; the column ``digest`` tells whether they
are. nengo-loihi needs NumPy before 1.24: give it an environment of its own (``docs/benchmarks.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.case import Case
from benchmarks.networks.loihi_core import full_chip, recurrent_core
from benchmarks.race import Options, entries, race
from benchmarks.row import Missing, Row
from benchmarks.systems import SYSTEMS

__all__ = ["CASES", "ROUNDS", "run"]

ROUNDS = 9
"""A run of ours takes milliseconds."""

CASES: dict[str, Callable[[], Case]] = {
    "core10": lambda: recurrent_core("core10", steps=1000),
    "chip128": lambda: full_chip("chip128", cores=128, fan_out=27, steps=200),
    "batch32": lambda: recurrent_core("batch32", steps=250, samples=32, inputs=100),
}


def run(options: Options) -> Iterator[Row | Missing]:
    """Rows of the cases; the peer takes part in the first."""
    emulator = replace(SYSTEMS["neurosim"], module="benchmarks.systems.ours_loihi", precision="integer")
    for name, make in CASES.items():
        if options.wants(name):
            case = make()
            mine = [(emulator, t) for t in options.threads]
            yield from race(case, options, [*mine, *entries(case, options)], ROUNDS)
