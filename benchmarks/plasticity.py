"""Pair STDP on 1000 x 1000 synapses for 10 s at 0.1 ms, both sides firing at 20 Hz."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.case import Case
from benchmarks.networks.stdp import stdp
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row

__all__ = ["CASES", "run"]

CASES: dict[str, Callable[[], Case]] = {"stdp1m": lambda: stdp("stdp1m", side=1000, steps=100_000)}


def run(options: Options) -> Iterator[Row | Missing]:
    """Rows of the case, if it was asked for."""
    for name, make in CASES.items():
        if options.wants(name):
            yield from race(make(), options)
