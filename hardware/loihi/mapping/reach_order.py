"""Orders of neurons in which those that hear the same presynaptic neurons are neighbours.

Neurons of a convolution are numbered channel after channel: a core that holds consecutive ones hears all of the input.
With all channels of a few pixels it hears what surrounds them alone, so it needs fewer input axons, and presynaptic
neurons send to fewer cores. On the other hand it stores the kernels of all channels, and each for fewer pixels. In
between lie some of the channels of some of the pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.population_axons import neurons_alike

__all__ = ["reach_order"]

Ints = NDArray[np.int64]


def reach_order(network: DeviceNetwork, population: str, blocks: int = 1) -> Ints:
    """The neurons of a population by the mean place of their presynaptic neurons, int64 [size].

    Of several projections the one with the most presynaptic neurons counts. Presynaptic neurons with the same targets,
    as the channels of a pixel, have one place; the last place decides where means are equal. Neurons alike stay in
    their order, as do all of a population without incoming synapses or in front of which all are connected to all.

    Args:
        blocks: neurons that are alike in what they hear are dealt out to so many orders, one after another: as many
            as a convolution has channels give the order of its numbers.
    """
    size = network.populations[population].size
    incoming = [p for p in network.incoming(population) if len(p.target)]
    if not incoming:
        return np.arange(size)
    widest = max(incoming, key=lambda p: network.size_of(p.pre))
    first = network.first_neuron[widest.pre]
    place = neurons_alike(network)[first : first + network.size_of(widest.pre)][widest.source]
    count = np.bincount(widest.target, minlength=size)
    mean = np.bincount(widest.target, weights=place.astype(np.float64), minlength=size) / np.maximum(count, 1)
    last = np.zeros(size, np.int64)
    np.maximum.at(last, widest.target, place)
    order = np.lexsort((last, mean))
    begins = np.flatnonzero(
        (np.diff(mean[order], prepend=np.nan) != 0) | (np.diff(last[order], prepend=-1) != 0)
    )
    alike = np.diff(begins, append=size)
    rank = np.arange(size) - np.repeat(begins, alike)
    return order[np.argsort(rank * blocks // np.repeat(alike, alike), kind="stable")]
