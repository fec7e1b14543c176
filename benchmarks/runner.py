"""What the module of a system hands to the worker; the memory and the cores of its process."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Run", "Runner", "all_cores", "peak_memory"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One repeat: seconds of the run, the spikes of the neurons (not of the input), and seconds of named parts."""

    seconds: float
    spikes: int
    parts: Mapping[str, float] = field(default_factory=dict)


class Runner(Protocol):
    """A network that is ready to run, from the start, as often as asked.

    Attributes:
        version: of the system.
        synapses: how many the system has made.
    """

    version: str
    synapses: int

    def run(self) -> Run:
        """Run the whole case once."""

    def finish(self) -> Mapping[str, Any]:
        """Further fields of the row, after the last repeat: ``memory`` at least; temporary files are removed."""


def peak_memory() -> int:
    """Largest resident memory of this process in bytes.

    From /proc where there is one: what ``getrusage`` tells starts at the size of the process that this one was forked
    from.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts kilobytes


@contextmanager
def all_cores() -> Iterator[None]:
    """Lets this process and its children use every core for a while, where the system can say which they may use."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
