"""The limits of a core by the names that errors and reports give them, and the error of a neuron that is over one."""

from __future__ import annotations

from collections.abc import Mapping

from neurosim.errors import CapacityError

__all__ = ["RESOURCES", "over_limit"]

RESOURCES: Mapping[str, str] = {
    "compartments": "compartments",
    "accumulators": "accumulators",
    "input_axons": "input axons",
    "output_axons": "output axons",
    "synapse_bits": "bits of synapse memory",
    "compartment_profiles": "compartment profiles",
    "threshold_profiles": "threshold profiles",
    "synapse_formats": "synapse formats",
}
"""What a core has a limit of."""

_REMEDIES: Mapping[str, str] = {
    "accumulators": "Use shorter delays",
    "output_axons": "Reduce the fan-out of the neuron, or the number of cores of its targets",
    "synapse_formats": "Use fewer projections with weights of one range",
}


def over_limit(population: str, neurons: range, resource: str, need: int, limit: int) -> CapacityError:
    """The error of neurons that cannot be spread any further."""
    which = f"neuron {neurons[0]}" if len(neurons) == 1 else f"neurons {neurons[0]} to {neurons[-1]}"
    return CapacityError(
        f"needs more {RESOURCES[resource]} than a core has",
        where=f"population {population!r}, {which}",
        value=need,
        limit=limit,
        remedy=_REMEDIES.get(resource, "Reduce the fan-in of the neuron"),
    )
