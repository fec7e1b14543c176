"""Ours against the peers: the same work in the same run, one command (``python -m benchmarks TASK --json FILE``).

A task is a module with ``run(peers, quick) -> Iterator[Row]``. It yields one `Row` for every case and system, ours
included, and says how much work was done (spikes, synaptic events, samples), so that only like is compared with like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["OURS", "TASKS", "WORK_TOLERANCE", "Row", "with_ratios"]

OURS = "neurosim"
WORK_TOLERANCE = 0.01
"""Work that differs by more than this share is not compared."""

TASKS: dict[str, str] = {
    "recurrent": "benchmarks.recurrent:run",
}
"""Name to ``"module:function"``, imported when the task is asked for."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One system on one case.

    Attributes:
        case: what was run, the same text for every system.
        system, version: who ran it; ours is called `OURS`.
        threads: threads that the system was allowed.
        work, unit: how much was done, such as 1.2e6 synaptic events.
        seconds: wall-clock time of the run alone, after everything was set up and compiled.
        memory: largest resident memory of the process in bytes, or None.
        ratio: the peer's seconds over ours on the same case and number of threads; None for ours, and where the work
            differs by more than `WORK_TOLERANCE`.
    """

    case: str
    system: str
    version: str
    threads: int
    work: float
    unit: str
    seconds: float
    memory: int | None = None
    ratio: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def with_ratios(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with the ratio of every peer filled in, in the order given."""
    every = list(rows)
    ours = {(row.case, row.threads): row for row in every if row.system == OURS}
    for row in every:
        mine = ours.get((row.case, row.threads))
        if row.system == OURS or mine is None or abs(row.work - mine.work) > WORK_TOLERANCE * mine.work:
            yield replace(row, ratio=None)
        else:
            yield replace(row, ratio=row.seconds / mine.seconds)
