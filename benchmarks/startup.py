"""The first result of a network that was never run before, from an empty process, with warm caches of compiled code.

Each repeat is a process of its own and another drawing of the 4000-neuron CUBA network. The time runs from the
start of the process to the spikes of its first 0.1 s: interpreter, imports, building, compiling what has to be
compiled, and the run. A first repeat that fills the caches is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from benchmarks.networks.vogels_abbott import cuba
from benchmarks.process import WorkerError, WorkerProcess
from benchmarks.race import Options, entries, row_of
from benchmarks.row import Missing, Row

__all__ = ["CASES", "run", "startup"]

CASES = {"startup": 4000}
"""Name of the case to its number of neurons."""


def run(options: Options) -> Iterator[Row | Missing]:
    """A row for each system, on one thread."""
    for name, neurons in CASES.items():
        if options.wants(name):
            yield from startup(name, neurons, 1000, options)


def startup(name: str, neurons: int, steps: int, options: Options) -> Iterator[Row | Missing]:
    """A row for each system; ``seconds`` is the whole time, ``build_seconds`` the part before the run."""
    drawn = [cuba(name, neurons=neurons, steps=steps, seed=seed) for seed in range(2, 3 + options.repeats)]
    for system, threads in entries(drawn[0], options):
        if threads != 1:
            continue
        seconds: list[float] = []
        spikes: list[int] = []
        fields: dict[str, Any] = {}
        try:
            for number, case in enumerate(drawn):
                start = perf_counter()
                with WorkerProcess(system, threads, options.python(system)) as worker:
                    worker.build(case)
                    fired = worker.run().spikes
                    if number:
                        seconds.append(perf_counter() - start)
                        spikes.append(fired)
                    fields = worker.finish()
        except (WorkerError, OSError) as error:
            yield Missing(case=name, system=system.name, threads=threads, reason=str(error))
            continue
        fields.pop("bytes_moved", None)
        yield row_of(drawn[0], worker, seconds, spikes, fields)
