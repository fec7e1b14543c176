"""A training step of layers of LIF neurons: 128 samples of 100 steps, 3 % input spikes, on one thread.

Cross-entropy of the output's spike counts, Adam. Feed-forward 700-256-256-20, and 700-256-20 whose hidden layer
projects to itself. Where there is a GPU, the same there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from benchmarks.case import Case
from benchmarks.networks.layered import layered
from benchmarks.race import Options, race
from benchmarks.row import Missing, Row

__all__ = ["CASES", "THREADS", "has_gpu", "run", "with_gpu"]

THREADS = (1,)
"""Numbers of threads if none are asked for."""
FEEDFORWARD: dict[str, Any] = {}
RECURRENT: dict[str, Any] = {"sizes": (700, 256, 20), "recurrent": True}
CASES: dict[str, dict[str, Any]] = {
    "step": FEEDFORWARD,
    "step-triangle": {**FEEDFORWARD, "surrogate": "triangle"},
    "step-recurrent": RECURRENT,
}
"""Name of a case to what `benchmarks.networks.layered` is given."""


def run(options: Options) -> Iterator[Row | Missing]:
    """Rows of every case asked for."""
    for name, make in with_gpu(CASES).items():
        if options.wants(name):
            yield from race(make(name), options)


def with_gpu(cases: dict[str, dict[str, Any]]) -> dict[str, Callable[[str], Case]]:
    """Functions that make a case of its name; where PyTorch has a GPU each also as ``<name>-gpu``."""

    def made(given: dict[str, Any], device: str) -> Callable[[str], Case]:
        return lambda name: layered(name, **given, device=device)

    found = {name: made(given, "cpu") for name, given in cases.items()}
    if has_gpu():
        found.update({f"{name}-gpu": made(given, "cuda") for name, given in cases.items()})
    return found


def has_gpu() -> bool:
    """Whether PyTorch is there and sees a GPU."""
    try:
        return bool(import_module("torch").cuda.is_available())
    except ImportError:
        return False
