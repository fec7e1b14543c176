"""Cutting populations into slices that fit a core, and placing the slices on the mesh.

Every limit of a core is counted exactly, synapse memory included. A population starts in as few equal slices as its
compartments allow and is cut finer until all limits hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError
from neurosim.hardware.compiler.partition import even_slices
from neurosim.hardware.compiler.place import place
from neurosim.hardware.loihi.core_synapses import (
    CoreSynapses,
    Slice,
    out_axons,
    registers_of,
    sort_synapses,
    source_offsets,
)
from neurosim.hardware.loihi.quantised_network import QuantisedNetwork

__all__ = ["Partition", "partition", "sites"]

_RESOURCES = {
    "compartments": "compartments",
    "input_axons": "input axons",
    "output_axons": "output axons",
    "synapse_bits": "bits of synapse memory",
    "compartment_profiles": "compartment profiles",
    "threshold_profiles": "threshold profiles",
    "synapse_formats": "synapse formats",
}


@dataclass(frozen=True)
class Partition:
    """Slices, their synapses, what each uses of its core's limits, delay bits of the core, and its place."""

    slices: tuple[Slice, ...]
    synapses: tuple[CoreSynapses, ...]
    loads: tuple[Mapping[str, int], ...]
    delay_bits: tuple[int, ...]
    core: NDArray[np.int64]
    """number of the physical core of each slice"""


def sites(limits: Mapping[str, int]) -> list[tuple[int, int]]:
    """Position of the tile of every core, in order of core number."""
    tiles = [(x, y) for y in range(limits["tiles_y"]) for x in range(limits["tiles_x"])]
    return [tile for tile in tiles for _ in range(limits["cores_per_tile"])][: limits["cores"]]


def partition(plan: Plan, network: QuantisedNetwork, limits: Mapping[str, int]) -> Partition:
    """Slices and their cores.

    Raises:
        CapacityError: one neuron alone is over a limit of a core, or the chip has too few cores; names the population,
            the resource, the need and the limit.
    """
    _check_fan_in(plan, limits)
    delay_bits = {name: _delay_bits(plan, name, limits) for name in plan.populations}
    most = {
        name: min(limits["compartments"], limits["accumulators"] >> bits) for name, bits in delay_bits.items()
    }
    parts = {name: math.ceil(p.size / most[name]) for name, p in plan.populations.items()}
    while True:
        slices = [
            Slice(name, neurons)
            for name, p in plan.populations.items()
            for neurons in even_slices(p.size, math.ceil(p.size / parts[name]))
        ]
        if len(slices) > limits["cores"]:
            raise _too_many_cores(parts, limits, plan)
        synapses = sort_synapses(plan, network, slices)
        loads = _loads(plan, network, slices, synapses)
        finer = dict(parts)
        for part, load in zip(slices, loads, strict=True):
            worst = max((n for n in load if n != "compartments"), key=lambda n: load[n] / limits[n])
            if load[worst] <= limits[worst]:
                continue
            if len(part.neurons) == 1 or worst == "synapse_formats":
                raise CapacityError(
                    f"needs more {_RESOURCES[worst]} than a core has",
                    where=f"population {part.population!r}, neurons {part.neurons.start} to {part.neurons.stop - 1}",
                    value=load[worst],
                    limit=limits[worst],
                    remedy="Use fewer projections with weights of one range"
                    if worst == "synapse_formats"
                    else "Reduce the fan-in of the neuron",
                )
            now = parts[part.population]
            wanted = max(now + 1, math.ceil(now * load[worst] / limits[worst]))
            finer[part.population] = max(
                finer[part.population], min(wanted, plan.populations[part.population].size)
            )
        if finer == parts:
            break
        parts = finer
    traffic = np.zeros((len(slices), len(slices)))
    offsets = source_offsets(plan)
    for a, part in enumerate(slices):
        first = offsets[part.population] + part.neurons.start
        for b, core in enumerate(synapses):
            s = core.sources()
            traffic[a, b] = np.count_nonzero((s >= first) & (s < first + len(part.neurons)))
    where = place(traffic, sites(limits), "cores of the chip")
    bits = tuple(delay_bits[part.population] for part in slices)
    return Partition(tuple(slices), tuple(synapses), tuple(loads), bits, where)


def _check_fan_in(plan: Plan, limits: Mapping[str, int]) -> None:
    """Cutting a population finer does not reduce the fan-in of a neuron: refuse it at once."""
    offsets = source_offsets(plan)
    for name, population in plan.populations.items():
        incoming = plan.incoming(name)
        if sum(p.n_synapses for p in incoming) <= limits["input_axons"]:
            continue
        cells = [p.target.astype(np.int64) * (1 << 40) + p.pre_index + offsets[p.pre] for p in incoming]
        fan_in = np.bincount(np.unique(np.concatenate(cells)) >> 40, minlength=population.size)
        if fan_in.max() > limits["input_axons"]:
            raise CapacityError(
                "has more presynaptic neurons than a core has input axons",
                where=f"population {name!r}, neuron {int(fan_in.argmax())}",
                value=int(fan_in.max()),
                limit=limits["input_axons"],
                remedy="Reduce the fan-in, for example with fewer input channels or sparser connections",
            )


def _delay_bits(plan: Plan, population: str, limits: Mapping[str, int]) -> int:
    """Bits of the accumulator index of a core that holds this population: 2^bits slots hold delays up to 2^bits - 2."""
    longest = max((p.max_delay - 1 for p in plan.incoming(population) if p.n_synapses), default=0)
    return max(limits["delay_bits_minimum"], (longest + 1).bit_length())


def _loads(
    plan: Plan, network: QuantisedNetwork, slices: Sequence[Slice], synapses: Sequence[CoreSynapses]
) -> list[dict[str, int]]:
    offsets = source_offsets(plan)
    sent = {name: out_axons(synapses, offsets[name], p.size) for name, p in plan.populations.items()}
    loads = []
    for part, core in zip(slices, synapses, strict=True):
        registers = registers_of(network, part)
        loads.append(
            {
                "compartments": len(part.neurons),
                "input_axons": len(core.sources()),
                "output_axons": int(sent[part.population][part.neurons.start : part.neurons.stop].sum()),
                "synapse_bits": core.bits(),
                "compartment_profiles": len(registers["profiles"]),
                "threshold_profiles": len(registers["thresholds"]),
                "synapse_formats": len(core.formats),
            }
        )
    return loads


def _too_many_cores(parts: Mapping[str, int], limits: Mapping[str, int], plan: Plan) -> CapacityError:
    largest = max(parts, key=lambda name: parts[name])
    listed = ", ".join(f"{name}: {n}" for name, n in parts.items())
    return CapacityError(
        f"the network needs more cores than the chip has ({listed})",
        where=f"population {largest!r} ({plan.populations[largest].size} neurons)",
        value=sum(parts.values()),
        limit=limits["cores"],
        remedy="Use fewer neurons or synapses, or shorter delays: long ones leave fewer compartments on a core",
    )
