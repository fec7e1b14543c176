"""Arrays that are drawn once and then read by every system, in the user's cache folder."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.cache_folder import cache_folder

__all__ = ["arrays_file", "rows"]


def arrays_file(
    name: str, make: Callable[..., Mapping[str, NDArray[Any]]], **arguments: int | float | str
) -> str:
    """The path of a file with what ``make(**arguments)`` returns; it is drawn if the file does not exist.

    Part of its name is a hash of the module of ``make``: a generator that has changed draws anew.
    """
    source = Path(inspect.getfile(make)).read_text() + Path(__file__).read_text()
    text = json.dumps([source, name, arguments], sort_keys=True)
    folder = cache_folder() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}.npz"
    if not path.exists():
        arrays: dict[str, Any] = dict(make(**arguments))
        with atomic_path(path) as temporary:
            np.savez(temporary, **arrays)
    return str(path)


def rows(pre: NDArray[Any], post: NDArray[Any], n_pre: int, n_post: int) -> dict[str, NDArray[Any]]:
    """Synapses sorted by (pre, post) as ``row_start`` int64 [n_pre + 1] and ``target`` int32 [n_syn]."""
    code = np.sort(pre.astype(np.int64) * n_post + post)
    row_start = np.searchsorted(code, np.arange(n_pre + 1, dtype=np.int64) * n_post)
    return {"row_start": row_start.astype(np.int64), "target": (code % n_post).astype(np.int32)}
