"""From device numbers to the machine: which neurons on which core, their keys, their words, the routing tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.delay_extension import Extension, extensions
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.image.core_regions import CoreRegions
from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.image.delay_region import DELAY_REGION, DelayParameters, delay_region
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex, VertexKind
from neurosim.hardware.spinnaker.image.plasticity_region import program_suffix
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.machine import Chip, Machine, Place
from neurosim.hardware.spinnaker.mapping.core_limits import check_cores
from neurosim.hardware.spinnaker.mapping.placement import clusters_of, place_clusters
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel
from neurosim.hardware.spinnaker.numerics.ring_buffer import index_bits
from neurosim.hardware.spinnaker.routing.keys import KeySpace, Sender, allocate
from neurosim.hardware.spinnaker.routing.routes import route
from neurosim.plasticity.options import Dependence

__all__ = ["MappedNetwork", "map_network", "senders_of"]

Uint32 = NDArray[np.uint32]


@dataclass(frozen=True, eq=False, kw_only=True)
class MappedNetwork:
    """A network on the machine.

    ``words``: population of neurons -> the words of its cores. ``sdram``: bytes of shared memory of each vertex.
    ``uncompressed``: entries that the routing table of each chip would have without compression.
    """

    network: DeviceNetwork
    machine: Machine
    extensions: Mapping[str, Extension]
    keys: Mapping[str, KeySpace]
    words: Mapping[str, CoreWords]
    image: MachineImage
    sdram: tuple[int, ...]
    uncompressed: Mapping[Chip, int]


def senders_of(network: DeviceNetwork, found: Mapping[str, Extension]) -> list[Sender]:
    """Populations that send, in the order of their first projection as on the host, then their delay extensions."""
    senders = []
    for name in dict.fromkeys(p.pre for p in network.projections):
        p = network.populations[name]
        senders.append(Sender(name=name, size=p.size, atoms=p.full_core, room=1 + (p.model is None)))
    for e in found.values():
        p = network.populations[e.pre]
        atoms = p.full_core
        room = e.stages << index_bits(atoms)
        senders.append(Sender(name=e.name, size=p.size * e.stages, atoms=atoms * e.stages, room=room))
    return senders


def map_network(
    network: DeviceNetwork,
    machine: Machine,
    limits: Mapping[str, Any],
    delayed: DelayedRows = DelayedRows.READ,
) -> MappedNetwork:
    """Split, number, place and route a network.

    Args:
        delayed: where rows behind delay extensions go.

    Raises:
        CapacityError: it does not fit the machine.
        UnsupportedError: no program computes a population's neurons and its plasticity.
    """
    _check_programs(network)
    found = extensions(network)
    check_cores(network, found, limits)
    keys = allocate(senders_of(network, found))
    words = {
        name: CoreWords(network, name, found, keys, delayed)
        for name, p in network.populations.items()
        if p.model is not None
    }
    cores = _cores(network, found)
    contents = {c.label: _other_regions(c, found, keys) for c in cores if c.kind is not VertexKind.NEURONS}
    sdram = [
        words[c.population].sdram(c.number)
        if c.kind is VertexKind.NEURONS
        else 4 * sum(map(len, contents[c.label].values()))
        for c in cores
    ]
    places = place_clusters(machine, clusters_of(network, found), sdram, limits["sdram_bytes"])
    vertices = []
    of_sender: dict[str, list[Place]] = {}
    for c, (x, y, p) in zip(cores, places, strict=True):
        space = keys.get(c.sender)
        population = network.populations[c.population]
        model = population.model if c.kind is VertexKind.NEURONS else None
        rule = population.rule if c.kind is VertexKind.NEURONS else None
        vertices.append(
            Vertex(
                label=c.label, population=c.population, kind=c.kind, model=None if model is None else model.name,
                lo=c.lo, hi=c.hi, x=x, y=y, p=p, key=space.core_key(c.number) if space else None,
                mask=space.core_mask if space else None, plasticity=None if rule is None else program_suffix(rule),
            )
        )  # fmt: skip
        of_sender.setdefault(c.sender, []).append((x, y, p))
    placed = list(zip(cores, places, strict=True))
    regions = CoreRegions(
        {place: (words[c.population], c.number) for c, place in placed if c.kind is VertexKind.NEURONS},
        {place: contents[c.label] for c, place in placed if c.kind is not VertexKind.NEURONS},
    )
    routed = route(
        machine, keys, of_sender, _targets(found, keys, words, of_sender), limits["router_entries"]
    )
    return MappedNetwork(
        network=network,
        machine=machine,
        extensions=found,
        keys=keys,
        words=words,
        image=MachineImage(tuple(vertices), regions, routed.tables),
        sdram=tuple(sdram),
        uncompressed=routed.uncompressed,
    )


def _check_programs(network: DeviceNetwork) -> None:
    """The host lets such networks through, and fails when it loads the machine."""
    for name, p in network.populations.items():
        multiplicative = p.rule is not None and p.rule.dependence is Dependence.MULTIPLICATIVE
        if p.model is not None and multiplicative and p.model is not CoreModel.IF_CURR_EXP:
            raise UnsupportedError(
                "sPyNNaker has no program for these neurons with a multiplicative rule",
                where=f"population {name!r}",
                value=f"{p.model.name} with multiplicative STDP",
                limit=f"{CoreModel.IF_CURR_EXP.name} with multiplicative STDP",
                remedy="Use Dependence.ADDITIVE, or neurons with exponential currents (CurrentLIF, IF_curr_exp)",
            )


@dataclass(frozen=True, kw_only=True)
class _Core:
    """A core without a place yet. ``number``: among the cores of its ``sender``."""

    label: str
    population: str
    sender: str
    kind: VertexKind
    number: int
    lo: int
    hi: int


def _cores(network: DeviceNetwork, found: Mapping[str, Extension]) -> list[_Core]:
    """The cores of all populations, then those of the delay extensions."""
    populations = network.populations
    owners = [
        (n, n, VertexKind.SOURCE if p.model is None else VertexKind.NEURONS) for n, p in populations.items()
    ]
    owners += [(e.pre, e.name, VertexKind.DELAY) for e in found.values()]
    cores = []
    for name, sender, kind in owners:
        p = populations[name]
        for k in range(p.cores):
            lo, hi = k * p.atoms, min((k + 1) * p.atoms, p.size)
            cores.append(
                _Core(
                    label=f"{sender}({lo}:{hi - 1})", population=name, sender=sender, kind=kind, number=k, lo=lo, hi=hi
                )
            )  # fmt: skip
    return cores


def _other_regions(
    c: _Core, found: Mapping[str, Extension], keys: Mapping[str, KeySpace]
) -> dict[int, Uint32]:
    """The regions of a core without neurons; a spike source has none."""
    if c.kind is not VertexKind.DELAY:
        return {}
    extension, own, source = found[c.population], keys[c.sender], keys[c.population]
    parameters = DelayParameters(
        key=own.core_key(c.number),
        incoming_key=source.core_key(c.number),
        incoming_mask=source.core_mask,
        neurons=c.hi - c.lo,
        stages=extension.stages,
        slots=extension.slots,
    )
    return {DELAY_REGION: delay_region(parameters)}


def _targets(
    found: Mapping[str, Extension],
    keys: Mapping[str, KeySpace],
    words: Mapping[str, CoreWords],
    places: Mapping[str, list[Place]],
) -> dict[str, list[set[Place]]]:
    """For each core of each sender, the cores that hold synapses of it, and the delay core that sends again."""
    targets: dict[str, list[set[Place]]] = {
        n: [set() for _ in range(k.sender.cores)] for n, k in keys.items()
    }
    for name, w in words.items():
        for sender, reached in w.source_cores().items():
            for core, target in np.argwhere(reached).tolist():
                targets[sender][core].add(places[name][target])
    for e in found.values():
        for core, place in enumerate(places[e.name]):
            targets[e.pre][core].add(place)
    return targets
