"""A device network on the cores of a chip: neurons packed into cores, cores placed on the mesh.

Every limit of a core is counted exactly: synapse memory as it is stored, output axons by the cores that targets lie on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from numpy.typing import ArrayLike

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.core_limits import RESOURCES, over_limit
from neurosim.hardware.loihi.mapping.core_registers import registers_of
from neurosim.hardware.loihi.mapping.filling import Filling, synapse_loads
from neurosim.hardware.loihi.mapping.mapped_network import MappedCore, MappedNetwork
from neurosim.hardware.loihi.mapping.neuron_needs import slot_bits
from neurosim.hardware.loihi.mapping.packing import pack, sent_axons
from neurosim.hardware.loihi.mapping.placement import place_cores, sites
from neurosim.hardware.loihi.numerics.programs import PROGRAMS

__all__ = ["map_network", "sites"]

_REMEDIES = {
    "compartments": "Use fewer neurons",
    "accumulators": "Use shorter delays: long ones leave fewer compartments on a core",
    "input_axons": "Reduce the fan-in, or let neurons with neighbouring numbers hear the same ones: they share a core",
    "synapse_bits": "Use fewer synapses, or fewer weight_bits",
}
"""What to change, by the limit that most cores are full by."""


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
    for name in network.populations:
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
        slots = _slots(network, name, limits)
        if slots > limits["accumulators"]:
            raise over_limit(name, range(1), "accumulators", slots, limits["accumulators"])


def _too_many_cores(filling: Filling, limits: Mapping[str, int], network: DeviceNetwork) -> CapacityError:
    parts = {
        name: sum(any(s.population == name for s in core) for core in filling.slices)
        for name in network.populations
    }
    largest = max(parts, key=lambda name: parts[name])
    listed = ", ".join(f"{name}: {n}" for name, n in parts.items())
    full = _fills_most(filling, limits, network)
    return CapacityError(
        f"the network needs more cores than the chip has ({listed}); most are full by their {RESOURCES[full]}",
        where=f"population {largest!r} ({network.populations[largest].size} neurons)",
        value=len(filling.slices),
        limit=limits["cores"],
        remedy=_REMEDIES[full],
    )


def _fills_most(filling: Filling, limits: Mapping[str, int], network: DeviceNetwork) -> str:
    """The limit that is the tightest on most of the cores that were filled."""
    found: Counter[str] = Counter()
    for core, content in zip(filling.slices, filling.contents, strict=False):
        loads = synapse_loads(content)
        used = {
            "compartments": sum(len(s.neurons) for s in core),
            "accumulators": sum(_slots(network, s.population, limits) * len(s.neurons) for s in core),
            **{name: loads[name] for name in ("input_axons", "synapse_bits")},
        }
        found[max(used, key=lambda name: used[name] / limits[name])] += 1
    return found.most_common(1)[0][0]


def _slots(network: DeviceNetwork, population: str, limits: Mapping[str, int]) -> int:
    """Accumulators of a neuron with its own delays."""
    accumulators = PROGRAMS[network.populations[population].program].accumulators
    return accumulators << slot_bits(network, population, limits)
