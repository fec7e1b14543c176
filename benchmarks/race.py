"""Running one case on several systems: all are built first, then take turns, so that a slow minute slows them all."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.bounds import memory_bandwidth
from benchmarks.case import Case
from benchmarks.process import WorkerError, WorkerProcess
from benchmarks.row import Missing, Row, is_ours
from benchmarks.systems import System, chosen

__all__ = ["BUDGET", "Options", "entries", "race", "row_of"]

BUDGET = 15.0
"""Seconds of measured time after which a system is not repeated any more on a case."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        peers: systems besides ours, or families of them; None: all.
        quick: one repeat.
        threads: numbers of threads.
        cases: names of cases; None: all of the task.
        pythons: system or family -> interpreter that it runs under.
    """

    peers: tuple[str, ...] | None = None
    quick: bool = False
    threads: tuple[int, ...] = (1, 2)
    cases: tuple[str, ...] | None = None
    pythons: Mapping[str, str] = field(default_factory=dict)

    @property
    def repeats(self) -> int:
        """Rounds of every case."""
        return 1 if self.quick else 3

    def wants(self, case: str) -> bool:
        """Whether a case was asked for."""
        return self.cases is None or case in self.cases

    def python(self, system: System) -> str | None:
        """The interpreter for a system: that of its name, else of its family; None: this one."""
        return self.pythons.get(system.name) or self.pythons.get(system.name.partition("-")[0])


@dataclass
class _Entry:
    """A system on the case: its worker and what it has done."""

    worker: WorkerProcess
    seconds: list[float] = field(default_factory=list)
    spikes: list[int] = field(default_factory=list)
    parts: list[Mapping[str, float]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


def entries(case: Case, options: Options) -> list[tuple[System, int]]:
    """Systems that can run a case, with the numbers of threads asked for."""
    return [
        (system, threads)
        for system in chosen(options.peers)
        if case.kind in system.kinds
        for threads in options.threads
        if threads in system.threads
    ]


def race(
    case: Case,
    options: Options,
    starters: Sequence[tuple[System, int]] | None = None,
    rounds: int | None = None,
) -> Iterator[Row | Missing]:
    """One row a system and number of threads; a system that is not there or fails is a `Missing`.

    ``starters``: who takes part; None: all `entries`. ``rounds``: of cases so short that a moment's load shows; None:
    `Options.repeats`. A quick run has one.
    """
    rounds = options.repeats if rounds is None or options.quick else rounds
    with ExitStack() as stack:
        running: list[_Entry] = []
        for system, threads in entries(case, options) if starters is None else starters:
            _say(f"{case.name}: building {system.name}, {threads} thread(s)")
            try:
                worker = stack.enter_context(WorkerProcess(system, threads, options.python(system)))
                worker.build(case)
            except (WorkerError, OSError) as error:
                yield Missing(case=case.name, system=system.name, threads=threads, reason=str(error))
            else:
                running.append(_Entry(worker))
        for round_number in range(rounds):
            _say(f"{case.name}: round {round_number + 1} of {rounds}")
            for entry in list(running):
                if sum(entry.seconds) > BUDGET:
                    continue
                try:
                    done = entry.worker.run()
                except WorkerError as error:
                    running.remove(entry)
                    yield _missing(case, entry.worker, error)
                else:
                    entry.seconds.append(done.seconds)
                    entry.spikes.append(done.spikes)
                    entry.parts.append(done.parts)
        for entry in running:
            try:
                entry.fields = entry.worker.finish()
            except WorkerError as error:
                yield _missing(case, entry.worker, error)
                continue
            for name in entry.parts[0]:
                entry.fields[f"{name}_seconds"] = statistics.median(part[name] for part in entry.parts)
            yield row_of(case, entry.worker, entry.seconds, entry.spikes, entry.fields)


def row_of(
    case: Case,
    worker: WorkerProcess,
    seconds: Sequence[float],
    spikes: Sequence[int],
    fields: Mapping[str, Any],
) -> Row:
    """The row of a system that has finished."""
    fields = dict(fields)
    moved = fields.pop("bytes_moved", None)
    fired = int(fields.pop("spikes", round(statistics.mean(spikes))))
    work, median = float(fields.pop("work", case.events(fired))), statistics.median(seconds)
    row: dict[str, Any] = {
        "case": case.name,
        "system": worker.system.name,
        "version": worker.version,
        "threads": worker.threads,
        "precision": worker.system.precision,
        "neurons": case.neurons,
        "synapses": worker.synapses,
        "steps": case.steps * case.samples,
        "spikes": fired,
        "work": work,
        "unit": "synaptic events",
        "build_seconds": worker.build_seconds,
        "seconds": median,
        "repeats": tuple(seconds),
        "ns_per_event": median / work * 1e9 if work else None,
        "neuron_updates_per_second": case.neurons * case.steps * case.samples / median,
    }
    if moved is not None and work and is_ours(worker.system.name):
        row["bytes_per_event"] = moved / work
        row["share_of_bandwidth"] = moved / median / memory_bandwidth(worker.threads)
    return Row(**{**row, **fields})


def _missing(case: Case, worker: WorkerProcess, error: WorkerError) -> Missing:
    return Missing(case=case.name, system=worker.system.name, threads=worker.threads, reason=str(error))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
