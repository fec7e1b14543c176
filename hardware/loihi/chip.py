"""A chip of the Loihi kind as data: its limits, its arithmetic, and published costs, each number with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["COSTS", "LIMITS", "ChipDescription", "Fit"]

LIMITS: Mapping[str, tuple[int, int]] = {
    "cores": (1, 4096),
    "cores_per_tile": (1, 4096),
    "tiles_x": (1, 4096),
    "tiles_y": (1, 4096),
    "compartments": (1, 1 << 16),
    "input_axons": (1, 1 << 16),
    "output_axons": (1, 1 << 31),
    "synapse_bits": (64, 1 << 40),
    "compartment_profiles": (1, 1 << 16),
    "threshold_profiles": (1, 1 << 16),
    "synapse_formats": (1, 255),
    "axon_base_maximum": (0, 32767),
    "pop16_atoms": (1, 1 << 16),
    "pop32_slots": (1, 16),
    "delay_bits_minimum": (0, 6),
    "delay_bits_maximum": (0, 6),
    "accumulators": (1, 1 << 31),
    "delay_maximum": (0, 62),
    "refractory_maximum": (1, 63),
    "threshold_mantissa_maximum": (1, 131071),
    "weight_exponent_maximum": (0, 7),
    "accumulator_bits": (0, 62),
}
"""Every limit and the range that the tables and the arithmetic can hold it in."""

COSTS: Mapping[str, tuple[str, ...]] = {
    "energy": (
        "synaptic_operation",
        "neuron_update_active",
        "neuron_update_inactive",
        "spike_within_tile",
        "hop_east_west",
        "hop_north_south",
        "static_power",
    ),
    "time": (
        "synaptic_operation",
        "neuron_update_active",
        "neuron_update_inactive",
        "spike_within_tile",
        "hop_east_west",
        "hop_north_south",
        "barrier_shortest",
        "barrier_longest",
    ),
}
"""Sections of costs. One belongs to one publication: a file gives all of a section or none of it."""


class Fit(Enum):
    """What it means that a network fits the chip."""

    PUBLISHED = "within the published limits"
    MODEL_FEASIBLE = "model-feasible"


@dataclass(frozen=True, kw_only=True)
class ChipDescription:
    """A chip.

    Attributes:
        name: one word; ``label``: how people call it.
        base: the shipped chip that it is or is based on, if any.
        numerics: name of its arithmetic, a key of `numerics.profiles.PROFILES`.
        fit: what a mapping within the limits says.
        limits: by name, as in ``loihi1.toml``.
        energy: J per event, and ``static_power`` in W; empty where nobody has published them.
        time: s per event, and the barrier of one tile and of all tiles in s; empty where not published.
        sources: of every number, by ``"section.name"``.
    """

    name: str
    label: str
    base: str | None
    numerics: str
    fit: Fit
    limits: Mapping[str, int]
    energy: Mapping[str, float]
    time: Mapping[str, float]
    sources: Mapping[str, str]
