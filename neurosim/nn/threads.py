"""Split a kernel's range over threads; each part owns what it writes, so their number changes no result."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

__all__ = ["for_range"]

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(workers: int) -> ThreadPoolExecutor:
    key = (os.getpid(), workers)  # threads do not survive a fork
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers, thread_name_prefix="neurosim-nn")
    return _pools[key]


def for_range(kernel: Callable[..., None], n: int, *args: Any, smallest: int = 1) -> None:
    """Call ``kernel(first, last, *args)`` on parts of range(n), one for each of torch's threads.

    Args:
        kernel: compiled without the interpreter lock (``nogil=True``).
        smallest: do not make parts smaller than this.
    """
    parts = max(1, min(torch.get_num_threads(), n // max(smallest, 1)))
    bounds = [n * p // parts for p in range(parts + 1)]
    if parts == 1:
        kernel(0, n, *args)
        return
    pool = _pool(parts - 1)
    rest = [pool.submit(kernel, a, b, *args) for a, b in itertools.pairwise(bounds[1:])]
    kernel(bounds[0], bounds[1], *args)
    for future in rest:
        future.result()
