"""Split a kernel's range over threads; each part owns what it writes, so their number changes no result."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from neurosim.processors import thread_count

__all__ = ["for_range", "one_torch_thread"]

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(workers: int) -> ThreadPoolExecutor:
    key = (os.getpid(), workers)  # threads do not survive a fork
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers, thread_name_prefix="neurosim-nn")
    return _pools[key]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let PyTorch's own operators run on one thread: their sums then do not depend on the number of cores, and
    threads of OpenMP do not wait in busy loops on cores that our kernels (or other processes) use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def for_range(kernel: Callable[..., None], n: int, *args: Any) -> None:
    """Call ``kernel(first, last, *args)`` on parts of range(n), one a thread.

    ``kernel`` must be compiled to run without the interpreter lock (``nogil=True``).
    """
    parts = max(1, min(thread_count(), n))
    bounds = [n * p // parts for p in range(parts + 1)]
    if parts == 1:
        kernel(0, n, *args)
        return
    pool = _pool(parts - 1)
    rest = [pool.submit(kernel, a, b, *args) for a, b in itertools.pairwise(bounds[1:])]
    kernel(bounds[0], bounds[1], *args)
    for future in rest:
        future.result()
