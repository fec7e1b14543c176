"""How many processors this process may use, and how many threads it is to have."""

from __future__ import annotations

import os

from neurosim.errors import DescriptionError

__all__ = ["processors", "thread_count"]


def processors() -> int:
    """Those that the system allows it, which may be fewer than the machine has."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def thread_count(threads: int | None = None) -> int:
    """``threads``; where that is None ``$NEUROSIM_THREADS``, else as many as there are processors.

    Raises:
        DescriptionError: either is not a number from 1 on.
    """
    given = os.environ.get("NEUROSIM_THREADS") or None if threads is None else threads
    if given is None:
        return processors()
    if not str(given).isdigit() or int(given) < 1:
        where = "NEUROSIM_THREADS" if threads is None else "threads"
        raise DescriptionError("is not a number of threads", where=where, value=given, limit=">= 1")
    return int(given)
