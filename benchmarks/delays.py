"""A training step of layers with a learnable delay for every synapse, against dense kernels over time.

D delays of 0 to D - 1 steps: 25 of 10 ms, 75 of 4 ms or 250 of 1 ms hold the same quarter of a second, with more
steps and fewer samples for the finer ones. Input spikes in 2 to 10 % of all entries; feed-forward 700-256-256-20,
and 700-256-20 whose hidden layer projects to itself, also with delays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.race import Options, race
from benchmarks.row import Missing, Row
from benchmarks.training import FEEDFORWARD, RECURRENT, THREADS, with_gpu

__all__ = ["CASES", "THREADS", "run"]

SIZES = {25: (100, 32), 75: (250, 32), 250: (1000, 8)}
"""Number of delays to (steps, samples)."""
DENSITIES = (2, 3, 5, 10)
"""Per cent of the input."""


def _cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for delays, (steps, samples) in SIZES.items():
        for density in DENSITIES:
            given = {"delays": delays, "steps": steps, "samples": samples, "density": density / 100}
            found[f"d{delays}-{density}"] = {**FEEDFORWARD, **given}
            found[f"d{delays}-{density}-recurrent"] = {**RECURRENT, **given}
    found["d25-3-triangle"] = {**found["d25-3"], "surrogate": "triangle"}
    return found


CASES = _cases()
"""``d<delays>-<per cent>``, with ``-recurrent`` or ``-triangle``, to what `benchmarks.networks.layered` is given."""


def run(options: Options) -> Iterator[Row | Missing]:
    """Rows of every case asked for."""
    for name, make in with_gpu(CASES).items():
        if options.wants(name):
            yield from race(make(name), options)
