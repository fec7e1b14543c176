"""Ours against other simulators: the same work in the same run, one command (``python -m benchmarks TASK``).

A task is a module with ``run(options) -> Iterator[Row | Missing]``. It yields one `Row` for every case, system,
number of threads and precision, ours included, with the size of the work (neurons, synapses, steps, spikes), so
that only like is compared with like; and a `Missing` for every system that is not installed or fails.

This package and ``benchmarks.systems`` but for ours run without `neurosim`, under a peer's own interpreter.
"""

from __future__ import annotations

from benchmarks.row import OURS, WORK_TOLERANCE, Missing, Row, with_ratios

__all__ = ["OURS", "TASKS", "WORK_TOLERANCE", "Missing", "Row", "with_ratios"]

TASKS: dict[str, str] = {
    "recurrent": "benchmarks.recurrent:run",
    "liquid": "benchmarks.liquid:run",
    "plasticity": "benchmarks.plasticity:run",
    "training": "benchmarks.training:run",
    "delays": "benchmarks.delays:run",
    "memory": "benchmarks.memory:run",
    "mapping": "benchmarks.mapping:run",
    "emulation": "benchmarks.emulation:run",
    "loihi": "benchmarks.loihi:run",
    "startup": "benchmarks.startup:run",
}
"""Name to ``"module:function"``, imported when the task is asked for."""
