"""Cutting populations into slices that fit a core, and placing the slices on the mesh.

Every limit of a core is counted exactly, synapse memory included. A population starts in as few equal slices as its
compartments allow and is cut finer until all limits hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from neurosim.errors import CapacityError
from neurosim.hardware.compiler.partition import even_slices
from neurosim.hardware.compiler.place import place
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_registers import registers_of
from neurosim.hardware.loihi.mapping.core_synapses import (
    CoreSynapses,
    out_axons,
    sort_synapses,
)
from neurosim.hardware.loihi.mapping.mapped_network import (
    CoreSlice,
    InputAxons,
    MappedCore,
    MappedNetwork,
    StoredSynapses,
)

__all__ = ["map_network", "sites"]

_RESOURCES = {
    "compartments": "compartments",
    "input_axons": "input axons",
    "output_axons": "output axons",
    "synapse_bits": "bits of synapse memory",
    "compartment_profiles": "compartment profiles",
    "threshold_profiles": "threshold profiles",
    "synapse_formats": "synapse formats",
}


def sites(limits: Mapping[str, int]) -> list[tuple[int, int]]:
    """Position of the tile of every core, in order of core number."""
    tiles = [(x, y) for y in range(limits["tiles_y"]) for x in range(limits["tiles_x"])]
    return [tile for tile in tiles for _ in range(limits["cores_per_tile"])][: limits["cores"]]


def map_network(network: DeviceNetwork, limits: Mapping[str, int]) -> MappedNetwork:
    """Slices and their cores.

    Raises:
        CapacityError: one neuron alone is over a limit of a core, or the chip has too few cores; names the population,
            the resource, the need and the limit.
    """
    _check_fan_in(network, limits)
    delay_bits = {name: _delay_bits(network, name, limits) for name in network.populations}
    most = {
        name: min(limits["compartments"], limits["accumulators"] >> bits) for name, bits in delay_bits.items()
    }
    parts = {name: math.ceil(p.size / most[name]) for name, p in network.populations.items()}
    while True:
        slices = [
            CoreSlice(name, neurons)
            for name, p in network.populations.items()
            for neurons in even_slices(p.size, math.ceil(p.size / parts[name]))
        ]
        if len(slices) > limits["cores"]:
            raise _too_many_cores(parts, limits, network)
        synapses = sort_synapses(network, slices)
        loads = _loads(network, slices, synapses)
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
                finer[part.population], min(wanted, network.populations[part.population].size)
            )
        if finer == parts:
            break
        parts = finer
    traffic = np.zeros((len(slices), len(slices)))
    offsets = network.first_neuron
    for a, part in enumerate(slices):
        first = offsets[part.population] + part.neurons.start
        for b, core in enumerate(synapses):
            s = core.sources()
            traffic[a, b] = np.count_nonzero((s >= first) & (s < first + len(part.neurons)))
    where = place(traffic, sites(limits), "cores of the chip")
    cores = [
        _mapped(int(where[i]), slices[i], synapses[i], delay_bits[slices[i].population], loads[i])
        for i in range(len(slices))
    ]
    return MappedNetwork(network=network, cores=tuple(cores), limits=limits)


def _mapped(
    number: int, part: CoreSlice, s: CoreSynapses, delay_bits: int, loads: Mapping[str, int]
) -> MappedCore:
    source, pointer, length = np.unique(s.source, return_index=True, return_counts=True)
    one = np.ones(len(source), dtype=np.int64)
    return MappedCore(
        number=number,
        slices=(part,),
        synapses=StoredSynapses(
            compartment=s.compartment, weight=s.weight, delay=s.delay, format=s.format, formats=s.formats
        ),
        axons=InputAxons(source=source, atoms=one, pointer=pointer, length=length, base=0 * one),
        delay_bits=delay_bits,
        loads=loads,
    )


def _check_fan_in(network: DeviceNetwork, limits: Mapping[str, int]) -> None:
    """Cutting a population finer does not reduce the fan-in of a neuron: refuse it at once."""
    offsets = network.first_neuron
    for name, population in network.populations.items():
        incoming = network.incoming(name)
        if sum(len(p.target) for p in incoming) <= limits["input_axons"]:
            continue
        cells = [p.target * (1 << 40) + p.source + offsets[p.pre] for p in incoming]
        fan_in = np.bincount(np.unique(np.concatenate(cells)) >> 40, minlength=population.size)
        if fan_in.max() > limits["input_axons"]:
            raise CapacityError(
                "has more presynaptic neurons than a core has input axons",
                where=f"population {name!r}, neuron {int(fan_in.argmax())}",
                value=int(fan_in.max()),
                limit=limits["input_axons"],
                remedy="Reduce the fan-in, for example with fewer input channels or sparser connections",
            )


def _delay_bits(network: DeviceNetwork, population: str, limits: Mapping[str, int]) -> int:
    """Bits of the accumulator index of a core that holds this population: 2^bits slots hold delays up to 2^bits - 2."""
    longest = max((p.longest_delay for p in network.incoming(population)), default=0)
    return max(limits["delay_bits_minimum"], (longest + 1).bit_length())


def _loads(
    network: DeviceNetwork, slices: Sequence[CoreSlice], synapses: Sequence[CoreSynapses]
) -> list[dict[str, int]]:
    offsets = network.first_neuron
    sent = {name: out_axons(synapses, offsets[name], p.size) for name, p in network.populations.items()}
    loads = []
    for part, core in zip(slices, synapses, strict=True):
        registers = registers_of(network, [part])
        loads.append(
            {
                "compartments": len(part.neurons),
                "input_axons": len(core.sources()),
                "output_axons": int(sent[part.population][part.neurons.start : part.neurons.stop].sum()),
                "synapse_bits": core.bits(),
                "compartment_profiles": len(registers.profiles),
                "threshold_profiles": len(registers.thresholds),
                "synapse_formats": len(core.formats),
            }
        )
    return loads


def _too_many_cores(
    parts: Mapping[str, int], limits: Mapping[str, int], network: DeviceNetwork
) -> CapacityError:
    largest = max(parts, key=lambda name: parts[name])
    listed = ", ".join(f"{name}: {n}" for name, n in parts.items())
    return CapacityError(
        f"the network needs more cores than the chip has ({listed})",
        where=f"population {largest!r} ({network.populations[largest].size} neurons)",
        value=sum(parts.values()),
        limit=limits["cores"],
        remedy="Use fewer neurons or synapses, or shorter delays: long ones leave fewer compartments on a core",
    )
