"""A liquid of 1000 neurons that reads 100 samples of 250 steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.case import Case
from benchmarks.networks.liquid import liquid
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row

__all__ = ["CASES", "run"]

CASES: dict[str, Callable[[], Case]] = {"liquid100": lambda: liquid("liquid100")}


def run(options: Options) -> Iterator[Row | Missing]:
    """Rows of the case, if it was asked for."""
    for name, make in CASES.items():
        if options.wants(name):
            yield from race(make(), options)
