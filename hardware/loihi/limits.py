"""Limits of the shipped chips by name."""

from __future__ import annotations

from collections.abc import Mapping

from neurosim.hardware.loihi.chip import read_chip

__all__ = ["read_limits"]


def read_limits(chip: str) -> Mapping[str, int]:
    """Limits of ``"loihi1"`` or ``"loihi2"``; `chip.read_chip` has their sources."""
    return read_chip(chip).limits
