"""What the manifest says about plastic projections, so that an emulator of the folder can name learned weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork

__all__ = ["plastic_settings"]


def plastic_settings(mapped: MappedNetwork, units: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """Name -> population, first bytes of its blocks of rows, and what a raw weight stands for.

    Args:
        units: name of the `DeviceProjection` -> name for the user, and the weight of one raw unit with its sign.
    """
    settings: dict[str, Any] = {}
    for post, words in mapped.words.items():
        for b in words.blocks:
            if b.projection.plastic and b.length and b.projection.name in units:
                name, unit = units[b.projection.name]
                entry = settings.setdefault(name, {"post": post, "unit": unit, "blocks": []})
                entry["blocks"].append(4 * b.start)
    return settings
