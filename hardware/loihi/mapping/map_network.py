"""A device network on the cores of a chip: neurons packed into cores, cores placed on the mesh.

Every limit of a core is counted exactly: synapse memory as it is stored, output axons by the cores that targets lie on.
"""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_limits import over_limit
from neurosim.hardware.loihi.mapping.core_registers import registers_of
from neurosim.hardware.loihi.mapping.filling import Filling, synapse_loads
from neurosim.hardware.loihi.mapping.mapped_network import MappedCore, MappedNetwork
from neurosim.hardware.loihi.mapping.neuron_needs import slot_bits
from neurosim.hardware.loihi.mapping.packing import pack, sent_axons
from neurosim.hardware.loihi.mapping.placement import place_cores, sites
from neurosim.hardware.loihi.numerics.programs import PROGRAMS

__all__ = ["map_network", "sites"]


def map_network(
    network: DeviceNetwork,
    limits: Mapping[str, int],
    activity: Mapping[str, ArrayLike] | None = None,
) -> MappedNetwork:
    """Slices and their cores.

    ``activity``: spikes of each neuron of a population, [size], by name, on typical inputs. Cores are placed such that
    these spikes travel few hops; without, as if every neuron spiked as often.

    Raises:
        CapacityError: one neuron alone is over a limit of a core, or the chip has too few cores; names the population,
            the resource, the need and the limit.
    """
    _check_neurons(network, limits)
    filling = pack(network, limits)
    if len(filling.slices) > limits["cores"]:
        raise _too_many_cores(filling, limits, network)
    numbers = place_cores(network, filling, limits, activity)
    sent, start = sent_axons(network, filling.contents, limits), network.first_neuron
    inputs = sum(network.inputs.values())
    cores = []
    for number, slices, content in zip(numbers.tolist(), filling.slices, filling.contents, strict=True):
        registers = registers_of(network, slices)
        delay_bits = max(slot_bits(network, s.population, limits) for s in slices)
        ends = [start[s.population] - inputs + s.neurons.start for s in slices]
        slots = sum(
            PROGRAMS[network.populations[s.population].program].accumulators * len(s.neurons) for s in slices
        )
        loads = {
            "compartments": sum(len(s.neurons) for s in slices),
            "accumulators": slots << delay_bits,
            "output_axons": sum(
                int(sent[a : a + len(s.neurons)].sum()) for a, s in zip(ends, slices, strict=True)
            ),
            "compartment_profiles": len(registers.profiles),
            "threshold_profiles": len(registers.thresholds),
            **synapse_loads(content),
        }
        cores.append(
            MappedCore(
                number=number,
                slices=slices,
                synapses=content.synapses,
                axons=content.axons,
                delay_bits=delay_bits,
                loads=loads,
            )
        )
    return MappedNetwork(network=network, cores=tuple(cores), limits=limits)


def _check_neurons(network: DeviceNetwork, limits: Mapping[str, int]) -> None:
    """What cutting a population finer does not change: refuse it at once."""
    for name, population in network.populations.items():
        incoming = network.incoming(name)
        longest = max((p.longest_delay for p in incoming), default=0)
        if longest > limits["delay_maximum"]:
            raise CapacityError(
                "a synaptic delay is longer than the chip holds",
                where=f"population {name!r}",
                value=longest,
                limit=limits["delay_maximum"],
                remedy="Use shorter delays, or a longer step",
            )
        slots = PROGRAMS[population.program].accumulators << slot_bits(network, name, limits)
        if slots > limits["accumulators"]:
            raise over_limit(name, range(1), "accumulators", slots, limits["accumulators"])


def _too_many_cores(filling: Filling, limits: Mapping[str, int], network: DeviceNetwork) -> CapacityError:
    parts = {
        name: sum(any(s.population == name for s in core) for core in filling.slices)
        for name in network.populations
    }
    largest = max(parts, key=lambda name: parts[name])
    listed = ", ".join(f"{name}: {n}" for name, n in parts.items())
    return CapacityError(
        f"the network needs more cores than the chip has ({listed})",
        where=f"population {largest!r} ({network.populations[largest].size} neurons)",
        value=len(filling.slices),
        limit=limits["cores"],
        remedy="Use fewer neurons or synapses, or shorter delays: long ones leave fewer compartments on a core",
    )
