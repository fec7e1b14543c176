"""What the cores of a mapped network have to do for given spikes, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurosim.hardware.loihi.mapping.map_network import sites
from neurosim.hardware.loihi.mapping.mapped_network import MappedNetwork
from neurosim.hardware.loihi.report.arrivals import Delivery, arrivals, chip_deliveries, trains
from neurosim.spikes import Spikes

__all__ = ["Activity", "activity"]

Floats = NDArray[np.float64]
_CHUNK = 2**20


@dataclass(frozen=True, eq=False, kw_only=True)
class Activity:
    """Work of the cores, in the order of `MappedNetwork.cores`.

    Attributes:
        steps: of all samples together.
        operations: synaptic operations of each core in each step, float64 [steps, cores], in the step of the spikes.
        active: compartments that receive something in a step, [steps, cores], in the step of the arrivals.
        compartments: of each core, [cores].
        messages: spikes that each core sends to cores, one for each core that a neuron projects to, [steps, cores].
        hops: tiles that these cross east-west and north-south, summed over messages, [2].
        inputs: messages from the host.
        way: most tiles that a message crosses east-west and north-south, between cores that exchange any, [2].
    """

    steps: int
    operations: Floats
    active: Floats
    compartments: Floats
    messages: Floats
    hops: Floats
    inputs: float
    way: tuple[int, int]


def activity(mapped: MappedNetwork, spikes: Mapping[str, Spikes]) -> Activity:
    """The work that spikes cause.

    Args:
        spikes: of every input and population, in machine time, of equally many steps and samples.
    """
    network = mapped.network
    names = [*network.inputs, *network.populations]
    samples = max((s.samples for s in spikes.values()), default=0)
    per_spike, sends = _matrices(mapped)
    hops, messages, way = _ways(mapped, sends)
    inputs = network.n_inputs
    deliveries = {name: list(_counted(chip_deliveries(network, name))) for name in network.populations}
    operations, active, sent, from_host = [], [], [], 0.0
    crossed = np.zeros(2)
    for b in range(samples):
        train = trains(spikes, b)
        every = sparse.csr_array(sparse.hstack([train[name] for name in names], format="csr"))
        operations.append((every @ per_spike).toarray())
        sent.append((every[:, inputs:] @ messages).toarray())
        counts = np.asarray(every.sum(axis=0)).reshape(-1)
        crossed += hops.T @ counts[inputs:]
        from_host += float(counts[:inputs] @ np.asarray(sends[:inputs].sum(axis=1)).reshape(-1))
        active.append(_active(mapped, deliveries, train, every.shape[0]))
    cores = len(mapped.cores)
    nothing = [np.zeros((0, cores))]
    return Activity(
        steps=sum(len(o) for o in operations),
        operations=np.concatenate(nothing + operations),
        active=np.concatenate(nothing + active),
        compartments=np.array([float(c.compartments) for c in mapped.cores]),
        messages=np.concatenate(nothing + sent),
        hops=crossed,
        inputs=from_host,
        way=way,
    )


def _matrices(mapped: MappedNetwork) -> tuple[sparse.csr_array, sparse.csr_array]:
    """For each neuron of all inputs and populations and each core: synaptic operations and messages of a spike."""
    first = mapped.network.first_neuron
    size = sum(mapped.network.size_of(name) for name in first)
    source, core, length = [], [], []
    for k, c in enumerate(mapped.cores):
        source.append(c.axons.source)
        core.append(np.full(len(c.axons.source), k))
        length.append(c.axons.length[c.axons.of_atom])
    rows, columns, lengths = (np.concatenate([np.zeros(0, np.int64), *x]) for x in (source, core, length))
    shape, one = (size, len(mapped.cores)), np.ones(len(rows))
    return (
        sparse.csr_array((lengths.astype(np.float64), (rows, columns)), shape=shape),
        sparse.csr_array((one, (rows, columns)), shape=shape),
    )


def _ways(mapped: MappedNetwork, sends: sparse.csr_array) -> tuple[Floats, sparse.csr_array, tuple[int, int]]:
    """Of a spike of each population neuron: tiles crossed [n, 2], messages by its own core [n, cores]; longest way."""
    inputs = mapped.network.n_inputs
    core = mapped.placed[0]
    place = sites(mapped.limits)
    at = np.array([place[c.number] for c in mapped.cores]).reshape(-1, 2)
    mine = sparse.coo_array(sends[inputs:])
    rows, columns = mine.coords
    far = np.abs(at[core[rows]] - at[columns])
    hops = np.zeros((len(core), 2))
    np.add.at(hops, rows, far * mine.data[:, None])
    longest = far[int(np.argmax(far.sum(axis=1)))] if len(far) else np.zeros(2)
    number = np.asarray(mine.sum(axis=1)).reshape(-1)
    messages = sparse.csr_array((number, (np.arange(len(core)), core)), shape=(len(core), len(mapped.cores)))
    return hops, messages, (int(longest[0]), int(longest[1]))


def _active(
    mapped: MappedNetwork,
    deliveries: Mapping[str, list[Delivery]],
    train: Mapping[str, sparse.csr_array],
    steps: int,
) -> Floats:
    """Compartments of each core that something arrives at, [steps, cores]."""
    network, cores = mapped.network, len(mapped.cores)
    found = np.zeros((steps, cores))
    width = max(1, _CHUNK // max(steps, 1))
    core, inputs = mapped.placed[0], network.n_inputs
    for name, population in network.populations.items():
        first = network.first_neuron[name] - inputs
        for begin in range(0, population.size, width):
            some = slice(begin, min(begin + width, population.size))
            arrived = arrivals(deliveries[name], train, steps, some, population.size)
            step, neuron = np.nonzero(arrived)
            cells = step * cores + core[first + begin + neuron]
            found += np.bincount(cells, minlength=steps * cores).reshape(steps, cores)
    return found


def _counted(deliveries: list[Delivery]) -> Iterator[Delivery]:
    """The same, one for each synapse that does anything."""
    for d in deliveries:
        yield replace(d, matrix=(d.matrix != 0).astype(np.float64))
