"""Which core of the chip each filled core becomes: those that exchange most spikes lie close together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.hardware.compiler.place import exchange, hops, place
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.filling import Filling

__all__ = ["core_traffic", "place_cores", "sites"]

Ints = NDArray[np.int64]


def sites(limits: Mapping[str, int]) -> list[tuple[int, int]]:
    """Position of the tile of every core, in order of core number."""
    tiles = [(x, y) for y in range(limits["tiles_y"]) for x in range(limits["tiles_x"])]
    return [tile for tile in tiles for _ in range(limits["cores_per_tile"])][: limits["cores"]]


def core_traffic(
    network: DeviceNetwork, filling: Filling, activity: Mapping[str, ArrayLike] | None = None
) -> NDArray[np.float64]:
    """Spikes from core to core, [cores, cores]: a spike is sent to every core with a target by itself.

    Without ``activity`` (spikes of each neuron, by population) every neuron spikes once. Spikes of the host are left
    out: where they enter the mesh is not public.
    """
    inputs = network.n_inputs
    size = network.n_neurons
    core, spikes = np.zeros(size, np.int64), np.ones(size)
    for name, population in network.populations.items():
        first = network.first_neuron[name] - inputs
        if activity is not None:
            spikes[first : first + population.size] = activity.get(name, 0)
        for i, part in enumerate(filling.slices):
            for s in part:
                if s.population == name:
                    core[first + s.neurons.start : first + s.neurons.stop] = i
    traffic = np.zeros((len(filling.slices), len(filling.slices)))
    for i, content in enumerate(filling.contents):
        source = content.axons.source
        source = source[source >= inputs] - inputs
        traffic[:, i] = np.bincount(core[source], weights=spikes[source], minlength=len(traffic))
    return traffic


def place_cores(
    network: DeviceNetwork,
    filling: Filling,
    limits: Mapping[str, int],
    activity: Mapping[str, ArrayLike] | None = None,
) -> Ints:
    """The number of every core, int64 [cores]."""
    where, traffic = sites(limits), core_traffic(network, filling, activity)
    # both are good starts for some networks: side by side in order, and greedily by traffic
    starts = (place(traffic, where, "cores of the chip"), np.arange(len(traffic)))
    return min((exchange(traffic, where, p) for p in starts), key=lambda p: hops(traffic, where, p))
