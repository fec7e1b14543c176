"""Measuring one system in a process of its own, so that its memory, threads and compiled code are its own."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

__all__ = ["Measurement", "measure"]

_THREAD_SETTINGS = (
    "NEUROSIM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Work done in one run, the fewest seconds of several runs, and the largest resident memory in bytes."""

    work: float
    seconds: float
    memory: int


def measure(prepare: str, *, threads: int, repeats: int = 3, **case: Any) -> Measurement:
    """Run ``prepare(**case)`` once and what it returns ``1 + repeats`` times, in a fresh process.

    Args:
        prepare: "module:function"; sets everything up and returns a function that does the work and says how much. The
            first call is not timed: it compiles.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, _limit_threads, (threads,)) as pool:
        return pool.apply(_measure, (prepare, repeats, case))


def _limit_threads(threads: int) -> None:
    for name in _THREAD_SETTINGS:
        os.environ[name] = str(threads)


def _measure(prepare: str, repeats: int, case: dict[str, Any]) -> Measurement:
    module, _, function = prepare.partition(":")
    work: Callable[[], float] = getattr(importlib.import_module(module), function)(**case)
    done = work()
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        done = work()
        seconds.append(perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts kilobytes
    return Measurement(work=float(done), seconds=min(seconds), memory=memory)
