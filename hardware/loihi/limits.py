"""Limits of a chip, read from the TOML files beside this module."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from neurosim.errors import FileFormatError

__all__ = ["read_limits", "read_limits_file", "read_sources"]


@cache
def _table(chip: str) -> dict[str, dict[str, int | str]]:
    text = (resources.files("neurosim.hardware.loihi") / f"{chip}.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def read_limits(chip: str) -> Mapping[str, int]:
    """Limits of ``"loihi1"`` or ``"loihi2"`` by name."""
    return MappingProxyType({name: int(entry["value"]) for name, entry in _table(chip).items()})


def read_limits_file(path: str | os.PathLike[str]) -> Mapping[str, int]:
    """Limits of a chip of one's own: a file with the names of ``loihi1.toml``, each with a value and a source.

    Raises:
        FileFormatError: no such file, names missing or unknown, or values that are no whole numbers.
    """
    where, known = str(path), read_limits("loihi1")
    try:
        table = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"cannot be read: {error}", where=where) from None
    if set(table) != set(known):
        wrong = sorted(set(table) ^ set(known))
        raise FileFormatError("limits are missing or unknown", where=where, value=wrong, limit=sorted(known))
    for name, entry in table.items():
        value = entry.get("value") if isinstance(entry, dict) else None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0 or not entry.get("source"):
            raise FileFormatError(
                "needs a whole number as value and a source", where=f"{where}, {name}", value=repr(entry)
            )
    return MappingProxyType({name: int(entry["value"]) for name, entry in table.items()})


@cache
def read_sources(chip: str) -> Mapping[str, str]:
    """Where each limit comes from."""
    return MappingProxyType({name: str(entry["source"]) for name, entry in _table(chip).items()})
