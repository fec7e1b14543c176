"""What the machine around the cells can do, from ``limits.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from neurosim.hardware.crossbar.profile import read_table

__all__ = ["limits"]


@cache
def limits() -> Mapping[str, Any]:
    """Limits by name; the file states the source of each."""
    table = read_table(resources.files(__package__) / "limits.toml", "table of limits")
    return MappingProxyType({name: entry["value"] for name, entry in table.items()})
