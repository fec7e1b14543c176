"""Recurrent networks of point neurons at 0.1 ms, one second each, four of the quickest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.case import Case
from benchmarks.networks.brunel import brunel
from benchmarks.networks.vogels_abbott import coba, cuba
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row

__all__ = ["CASES", "run"]

STEPS = 10_000
CASES: dict[str, Callable[[], Case]] = {
    "cuba4k": lambda: cuba("cuba4k", neurons=4000, steps=4 * STEPS, seed=3),
    "coba4k": lambda: coba("coba4k", neurons=4000, steps=STEPS),
    "cuba40k": lambda: cuba("cuba40k", neurons=40_000, steps=STEPS, in_degree=80),
    "brunel": lambda: brunel("brunel", neurons=12_500, steps=STEPS),
}
"""Name of a case to a function that draws it, or finds it in the cache."""


def run(options: Options) -> Iterator[Row | Missing]:
    """Rows of every case asked for."""
    for name, make in CASES.items():
        if options.wants(name):
            yield from race(make(), options)
