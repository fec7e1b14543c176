"""From device numbers to the machine: which neurons on which core, their keys, their words, the routing tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex
from neurosim.hardware.spinnaker.image.population_table import encode_table, entry_for
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    core_region,
    parameter_region,
    synapse_region,
)
from neurosim.hardware.spinnaker.image.rows import RowFormat, block_words, join_blocks
from neurosim.hardware.spinnaker.machine import Machine
from neurosim.hardware.spinnaker.mapping.keys import KeySpace, Sender, allocate
from neurosim.hardware.spinnaker.mapping.partition import dtcm_bytes
from neurosim.hardware.spinnaker.mapping.placement import place_cores
from neurosim.hardware.spinnaker.mapping.routes import Place, build_tables
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits

__all__ = ["MappedNetwork", "map_network"]

Uint32 = NDArray[np.uint32]


@dataclass(frozen=True, eq=False, kw_only=True)
class MappedNetwork:
    """A network on the machine. ``sdram``: bytes of shared memory that each vertex takes."""

    network: DeviceNetwork
    machine: Machine
    keys: Mapping[str, KeySpace]
    image: MachineImage
    sdram: tuple[int, ...]


def map_network(network: DeviceNetwork, machine: Machine, limits: Mapping[str, Any]) -> MappedNetwork:
    """Split, number, place and route a network.

    Raises:
        CapacityError: it does not fit the machine.
    """
    populations = network.populations
    sending = [n for n in populations if network.outgoing(n)]
    keys = allocate(
        [
            Sender(name=n, size=p.size, atoms=p.atoms, room=1 + (p.model is None))
            for n, p in populations.items()
            if n in sending
        ]
    )
    cores = [
        (name, k, k * p.atoms, min((k + 1) * p.atoms, p.size))
        for name, p in populations.items()
        for k in range(p.cores)
    ]
    contents = {name: _regions(network, name, keys, limits) for name in populations}
    regions = [contents[name][k] for name, k, _, _ in cores]
    labels = [f"{name}({lo}:{hi - 1})" for name, _, lo, hi in cores]
    sdram = [4 * sum(len(w) for w in r.values()) for r in regions]
    places = place_cores(machine, sdram, limits["sdram_bytes"], labels)
    vertices = []
    for (name, k, lo, hi), label, (x, y, p) in zip(cores, labels, places, strict=True):
        space, model = keys.get(name), populations[name].model
        vertices.append(
            Vertex(
                label=label, population=name, model=None if model is None else model.name, lo=lo, hi=hi, x=x, y=y, p=p,
                key=space.core_key(k) if space else None, mask=space.core_mask if space else None,
            )
        )  # fmt: skip
    of_population: dict[str, list[Place]] = {}
    for v in vertices:
        of_population.setdefault(v.population, []).append(v.place)
    tables = build_tables(
        machine, keys, of_population, _targets(network, keys, of_population), limits["router_entries"]
    )
    return MappedNetwork(
        network=network,
        machine=machine,
        keys=keys,
        image=MachineImage(tuple(vertices), dict(zip(places, regions, strict=True)), tables),
        sdram=tuple(sdram),
    )


def _regions(
    network: DeviceNetwork, name: str, keys: Mapping[str, KeySpace], limits: Mapping[str, Any]
) -> list[dict[int, Uint32]]:
    """The regions of every core of a population."""
    population = network.populations[name]
    atoms, n_cores = population.atoms, population.cores
    if population.model is None:
        return [{} for _ in range(n_cores)]
    incoming = [p for p in network.incoming(name) if len(p.raw)]
    delay_bits = index_bits(max((p.longest_delay for p in incoming), default=1))
    blocks: list[list[tuple[str, Uint32, int]]] = [[] for _ in range(n_cores)]
    layout = RowFormat(atoms)
    for p in incoming:
        core, source = p.target // atoms, p.sources()
        words = layout.encode(p.raw, p.delay, np.full(len(p.raw), p.receptor), p.target % atoms)
        sources = keys[p.pre].sender.size
        length = int(np.unique(core * sources + source, return_counts=True)[1].max())
        order = np.argsort(core, kind="stable")
        edges = np.searchsorted(core[order], np.arange(n_cores + 1))
        for k in np.flatnonzero(np.diff(edges)):
            here = order[edges[k] : edges[k + 1]]
            blocks[k].append((p.pre, block_words(source[here], words[here], sources, length), length))
    out = []
    for k in range(n_cores):
        lo, hi = k * atoms, min((k + 1) * atoms, population.size)
        rows, starts = join_blocks([block for _, block, _ in blocks[k]])
        entries: dict[str, list[tuple[int, int]]] = {}
        for (pre, _, length), begin in zip(blocks[k], starts, strict=True):
            entries.setdefault(pre, []).append((begin, length))
        table = encode_table([entry_for(keys[pre], found) for pre, found in entries.items()])
        space = keys.get(name)
        core_words = CoreParameters(
            neurons=hi - lo,
            key=space.core_key(k) if space else None,
            atoms=atoms,
            delay_bits=delay_bits,
            shifts=population.shifts,
        )
        need = dtcm_bytes(atoms, delay_bits, len(table), max((length for *_, length in blocks[k]), default=0))
        if need > limits["dtcm_bytes"]:
            raise CapacityError(
                "a core does not have enough data memory",
                where=f"core {name}({lo}:{hi - 1})",
                value=f"{need} bytes",
                limit=f"{limits['dtcm_bytes']} bytes",
                remedy="Use fewer atoms per core",
            )
        part = slice(lo, hi)
        out.append(
            {
                int(Region.CORE): core_region(core_words),
                int(Region.PARAMETERS): parameter_region(
                    population.neuron[part],
                    population.inputs[part],
                    population.threshold[part],
                    population.synapse[part],
                ),
                int(Region.SYNAPSE_PARAMETERS): synapse_region(core_words),
                int(Region.POPULATION_TABLE): table,
                int(Region.SYNAPTIC_ROWS): rows,
            }
        )
    return out


def _targets(
    network: DeviceNetwork, keys: Mapping[str, KeySpace], places: Mapping[str, list[Place]]
) -> dict[str, list[set[Place]]]:
    """For each core of each sender, the cores that hold synapses of it."""
    targets: dict[str, list[set[Place]]] = {
        n: [set() for _ in range(k.sender.cores)] for n, k in keys.items()
    }
    atoms = {name: p.atoms for name, p in network.populations.items()}
    for p in network.projections:
        if len(p.raw):
            width = len(places[p.post])
            for pair in np.unique(p.sources() // atoms[p.pre] * width + p.target // atoms[p.post]).tolist():
                targets[p.pre][pair // width].add(places[p.post][pair % width])
    return targets
