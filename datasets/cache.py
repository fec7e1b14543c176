"""Generated data are kept in the user's cache folder, under a hash of everything they were made from."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.atomic_file import atomic_path
from neurosim.cache_folder import cache_folder
from neurosim.datasets.npz import Axis, read_npz
from neurosim.errors import FileFormatError

__all__ = ["cached", "digest"]


def digest(facts: Mapping[str, Any], *arrays: NDArray[Any]) -> str:
    """SHA-256 in hexadecimal of plain facts (numbers, strings, tuples) and of the content of arrays."""
    sha = hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode())
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def cached(
    name: str,
    key: str,
    arrays: Mapping[str, tuple[str, tuple[Axis, ...]]],
    make: Callable[[], dict[str, NDArray[Any]]],
) -> dict[str, NDArray[Any]]:
    """The arrays stored as ``name-key.npz``, or those that ``make`` returns, which are then stored.

    A damaged file is made again. Where the folder cannot be written, nothing is stored and nothing fails.
    """
    path = cache_folder() / "datasets" / f"{name}-{key[:32]}.npz"
    with contextlib.suppress(OSError, FileFormatError):
        return read_npz(path, arrays)
    made = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            np.savez(temporary, **made)  # type: ignore[arg-type]
    return made
