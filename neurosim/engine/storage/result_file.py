"""Results of a sweep on disk (`neurosim.engine.storage.array_file`), and the names of their files.

A result is made of numbers, text, arrays, lists, mappings, `Spikes` and `Recording`; tuples come back as lists. Nothing
is pickled.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from neurosim.engine.recording import DeviceEvent, PopulationRecording, Recording, State
from neurosim.engine.storage.array_file import load_arrays, save_arrays
from neurosim.errors import DataError, DescriptionError, FileFormatError, ShapeError
from neurosim.network_tree import Node, digest
from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

__all__ = ["load_result", "name_of_task", "save_result"]

FORMAT = "neurosim-result"
VERSION = 1


def save_result(result: Any, path: str | os.PathLike[str]) -> None:
    """Write a result, whole or not at all. The final state of a recording is kept.

    Raises:
        DescriptionError: a result of another type.
    """
    save_arrays(_packed(result), path, FORMAT, VERSION)


def load_result(path: str | os.PathLike[str]) -> Any:
    """Read what `save_result` wrote.

    Raises:
        FileFormatError: the file is missing, truncated, damaged, foreign, or of a newer version.
    """
    content = load_arrays(path, FORMAT, VERSION)
    try:
        return _unpacked(content)
    except (
        DataError,
        ShapeError,
        DescriptionError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
    ) as error:
        raise FileFormatError(f"holds an invalid result: {error}", where=str(path)) from error


def _packed(value: Any) -> Any:
    """Every mapping and sequence tagged, so that none can be taken for a recording."""
    match value:
        case Recording():
            parts = [
                [
                    n,
                    {
                        "spikes": _packed(p.spikes),
                        "variables": dict(p.variables),
                        "every": p.every,
                        "neurons": p.neurons,
                        "counts": p.counts,
                    },
                ]
                for n, p in value.items()
            ]
            plain = {n: getattr(value, n) for n in ("dt", "steps", "samples", "lag", "weights", "held")}
            s = value.final_state
            state = None if s is None else {f.name: getattr(s, f.name) for f in dataclasses.fields(s)}
            events = [list(dataclasses.astuple(e)) for e in value.events]
            return {"recording": {**plain, "parts": parts, "state": state, "events": events}}
        case Spikes():
            names = ("sample", "step", "neuron", "count", "shape", "dt", "steps", "samples")
            return {"spikes": {n: getattr(value, n) for n in names}}
        case Mapping():
            return {"map": [[name, _packed(v)] for name, v in value.items()]}
        case list() | tuple():
            return {"list": [_packed(v) for v in value]}
    return value


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "list":
        return [_unpacked(v) for v in content]
    if kind == "map":
        return {name: _unpacked(v) for name, v in content}
    if kind == "spikes":
        return Spikes(**content)
    if kind != "recording":
        raise ValueError(f"an item of unknown kind {kind!r}")
    parts = {
        name: PopulationRecording(
            None if p["spikes"] is None else _unpacked(p["spikes"]),
            p["variables"],
            p["every"],
            None if p["neurons"] is None else tuple(p["neurons"]),
            p.get("counts"),
        )
        for name, p in content.pop("parts")
    }
    state, events = content.pop("state"), content.pop("events")
    return Recording(
        parts,
        final_state=None if state is None else State(**state),
        events=tuple(DeviceEvent(*e) for e in events),
        **content,
    )


# --- names


def name_of_task(
    function: Callable[..., Any], parameters: Mapping[str, Any], options: Mapping[str, Any]
) -> str:
    """The file of a task: a hash of the function's name, its parameters, and how its network is run.

    Raises:
        DescriptionError: a value that has no lasting identity.
    """
    name = (
        f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"
    )
    items = {"function": name, "parameters": _tree(parameters), "options": _tree(options)}
    return f"{digest(Node('task', items))[:32]}.h5"


def _tree(value: Any, where: str = "parameters") -> Any:
    """What the hash is taken of."""
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case None | bool() | float() | str() | np.ndarray():
            return value
        case int():
            return value if -(2**63) <= value < 2**63 else f"int {value}"
        case np.generic():
            return np.asarray(value)
        case Mapping():
            return Node("map", {str(n): _tree(v, f"{where}[{n!r}]") for n, v in value.items()})
        case list() | tuple() | range():
            return Node("list", {str(i): _tree(v, f"{where}[{i}]") for i, v in enumerate(value)})
    if isinstance(value, (Parameters, Spikes, State)):
        fields = [f.name for f in dataclasses.fields(value)]  # type: ignore[arg-type]
        return Node(type(value).__name__, {n: _tree(getattr(value, n), f"{where}.{n}") for n in fields})
    raise DescriptionError(
        "a value of this type does not tell one run from another",
        where=where,
        value=type(value).__name__,
        limit="numbers, text, arrays, lists, mappings, Spikes, models and other parameters",
        remedy="Pass what it is made from, or leave out folder=",
    )
