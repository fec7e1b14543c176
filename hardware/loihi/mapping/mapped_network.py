"""A network on the cores of a chip: what mapping gives, and the tables and reports are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.mapping.synapse_format import SynapseFormat

__all__ = ["CoreSlice", "InputAxons", "MappedCore", "MappedNetwork", "StoredSynapses"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CoreSlice:
    """Consecutive neurons of a population on a core; neuron ``neurons[i]`` is its compartment ``first + i``."""

    population: str
    neurons: range
    first: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredSynapses:
    """The synapse memory of a core, list after list; arrays int64 [k].

    ``compartment`` counts from the base of the axon that leads to the list; ``format`` indexes ``formats`` from 1,
    since entry 0 of a core's table stays unused. ``delay`` is the register value.
    """

    compartment: Ints
    weight: Ints
    delay: Ints
    format: Ints
    formats: tuple[SynapseFormat, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class InputAxons:
    """The synapse map of a core, arrays int64 [axons]; several axons may lead to one list.

    Attributes:
        source: int64 [atoms of all axons], axon after axon: the presynaptic neuron of each atom, in
            `DeviceNetwork.first_neuron`'s count.
        atoms: presynaptic neurons that share the axon; 1 for an axon of one neuron.
        kind: what its spikes are: 0 discrete, 16 or 32 of a population of that many bits.
        pointer: first synapse of atom 0; those of atom a begin ``a * length`` later.
        length: synapses of each atom.
        base: compartment that the indices of the synapses count from.
    """

    source: Ints
    atoms: Ints
    kind: Ints
    pointer: Ints
    length: Ints
    base: Ints

    @cached_property
    def of_atom(self) -> Ints:
        """The axon of every atom, int64 [atoms of all axons]."""
        return np.repeat(np.arange(len(self.atoms)), self.atoms)

    @cached_property
    def atom(self) -> Ints:
        """The number of every atom within its axon, int64 [atoms of all axons]."""
        return np.arange(len(self.source)) - np.repeat(np.cumsum(self.atoms) - self.atoms, self.atoms)


@dataclass(frozen=True, eq=False, kw_only=True)
class MappedCore:
    """A core: its number on the chip, its neurons, synapses and axons, and what it uses of each limit by name."""

    number: int
    slices: tuple[CoreSlice, ...]
    synapses: StoredSynapses
    axons: InputAxons
    delay_bits: int
    loads: Mapping[str, int]

    @property
    def compartments(self) -> int:
        """Compartments in use."""
        return sum(len(s.neurons) for s in self.slices)


@dataclass(frozen=True, eq=False, kw_only=True)
class MappedNetwork:
    """The network, its cores, and the limits they were filled by."""

    network: DeviceNetwork
    cores: tuple[MappedCore, ...]
    limits: Mapping[str, int]

    @cached_property
    def placed(self) -> tuple[Ints, Ints]:
        """Index into ``cores`` and compartment of every population neuron, int64 [neurons of all populations] each,
        in `DeviceNetwork.first_neuron`'s count less the inputs."""
        first = self.network.first_neuron
        inputs = self.network.n_inputs
        size = self.network.n_neurons
        core, compartment = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
        for i, mapped in enumerate(self.cores):
            for s in mapped.slices:
                at = first[s.population] - inputs + s.neurons.start
                core[at : at + len(s.neurons)] = i
                compartment[at : at + len(s.neurons)] = s.first + np.arange(len(s.neurons))
        return core, compartment
