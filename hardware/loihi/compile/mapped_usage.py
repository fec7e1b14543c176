"""What a mapped network takes of its chip, for reports."""

from __future__ import annotations

from neurosim.hardware.loihi.mapping.map_network import sites
from neurosim.hardware.loihi.mapping.mapped_network import MappedNetwork
from neurosim.hardware.target import Site, Usage

__all__ = ["layout_of", "usage_of"]


def usage_of(mapped: MappedNetwork) -> tuple[Usage, ...]:
    """Resources against limits."""
    loads, limits = [core.loads for core in mapped.cores], mapped.limits

    def total(name: str) -> int:
        return sum(load[name] for load in loads)

    def most(name: str) -> int:
        return max(load[name] for load in loads)

    return (
        Usage("cores", len(mapped.cores), limits["cores"]),
        Usage("compartments", total("compartments"), limits["cores"] * limits["compartments"]),
        Usage("synapses", sum(len(c.synapses.compartment) for c in mapped.cores)),
        Usage("synapse memory (bit)", total("synapse_bits"), limits["cores"] * limits["synapse_bits"]),
        Usage("synapse memory, fullest core", most("synapse_bits"), limits["synapse_bits"]),
        Usage("input axons, fullest core", most("input_axons"), limits["input_axons"]),
        Usage("output axons, fullest core", most("output_axons"), limits["output_axons"]),
    )


def layout_of(mapped: MappedNetwork) -> tuple[Site, ...]:
    """Each core, where it lies, and the neurons that it holds."""
    at = sites(mapped.limits)
    found = []
    for core in mapped.cores:
        x, y = at[core.number]
        full = max(core.loads[name] / mapped.limits[name] for name in core.loads)
        parts = ", ".join(f"{s.population}[{s.neurons.start}:{s.neurons.stop}]" for s in core.slices)
        found.append(Site("core", x, y, f"core {core.number}: {parts}", full))
    return tuple(found)
