"""Limits of a chip, read from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

__all__ = ["read_limits", "read_sources"]


@cache
def _table(chip: str) -> dict[str, dict[str, int | str]]:
    text = (resources.files("neurosim.hardware.loihi") / f"{chip}.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def read_limits(chip: str) -> Mapping[str, int]:
    """Limits of ``"loihi1"`` or ``"loihi2"`` by name."""
    return MappingProxyType({name: int(entry["value"]) for name, entry in _table(chip).items()})


@cache
def read_sources(chip: str) -> Mapping[str, str]:
    """Where each limit comes from."""
    return MappingProxyType({name: str(entry["source"]) for name, entry in _table(chip).items()})
