"""States on disk: every array bit for bit, the step, and the hash of the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurosim.engine.state import State
from neurosim.engine.storage.array_file import load_arrays, save_arrays
from neurosim.errors import DataError, FileFormatError

__all__ = ["load_state", "save_state"]

FORMAT = "neurosim-state"
VERSION = 1


def save_state(state: State, path: str | os.PathLike[str], network_hash: str | None = None) -> None:
    """Write a state, whole or not at all.

    Args:
        network_hash: `neurosim.network_file.network_hash` of the network it belongs to, if that is to be remembered.
    """
    parts = {"variables": state.variables, "arrivals": state.arrivals, "extras": state.extras}
    save_arrays({"network": network_hash, "step": int(state.step), **parts}, path, FORMAT, VERSION)


def load_state(path: str | os.PathLike[str], network_hash: str | None = None) -> State:
    """Read what `save_state` wrote.

    Raises:
        FileFormatError: the file is missing, truncated, damaged, foreign, or of a newer version.
        DataError: the file remembers another network than that of ``network_hash``.
    """
    content = load_arrays(path, FORMAT, VERSION)
    names = ("variables", "arrivals", "extras")
    valid = isinstance(content, Mapping) and all(
        isinstance(content.get(n), Mapping) and _has_only_arrays(content[n]) for n in names
    )
    if not valid or type(content.get("step")) is not int or content["step"] < 0:
        raise FileFormatError("holds no state", where=str(path))
    remembered = content.get("network")
    if network_hash is not None and remembered is not None and remembered != network_hash:
        raise DataError(
            "is the state of another network",
            where=str(path),
            value=str(remembered)[:12],
            limit=network_hash[:12],
            remedy="Load it with the network that it was saved with",
        )
    return State(content["variables"], content["arrivals"], content["extras"], content["step"])


def _has_only_arrays(tree: Any) -> bool:
    if isinstance(tree, Mapping):
        return all(map(_has_only_arrays, tree.values()))
    return isinstance(tree, np.ndarray)
