"""What the cores make of their memory when they start: constants, states, and the synapses of every sender.

Packets are followed through the routing tables to the cores, which look up their population tables and read the rows:
a synapse acts only if key, tables, addresses and words all say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.run_cores import Cores, Synapses
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex
from neurosim.hardware.spinnaker.image.population_table import decode_table
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    decode_core_region,
    decode_parameter_region,
    decode_synapse_region,
)
from neurosim.hardware.spinnaker.image.rows import RowFormat, decode_block
from neurosim.hardware.spinnaker.machine import Machine
from neurosim.hardware.spinnaker.mapping.keys import COLOUR_BITS
from neurosim.hardware.spinnaker.mapping.routes import Place, destinations
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, NeuronConstants, NeuronState

__all__ = ["Started", "start"]


@dataclass(frozen=True, eq=False)
class Started:
    """Everything `run_cores.run` needs.

    ``first``: population or input -> number of its first neuron as a source; neurons come before spike sources, and
    those of a population follow each other.
    """

    cores: Cores
    constants: NeuronConstants
    state: NeuronState
    synapses: Synapses
    first: Mapping[str, int]
    sizes: Mapping[str, int]


def start(image: MachineImage, machine: Machine) -> Started:
    """Start the cores of an image.

    Raises:
        FileFormatError: words, tables or places that contradict each other.
    """
    vertices = sorted(image.vertices, key=lambda v: (v.model is None, v.population, v.lo))
    first: dict[str, int] = {}
    sizes: dict[str, int] = {}
    at = 0
    number: dict[Place, int] = {}
    for v in vertices:
        if v.lo != sizes.get(v.population, 0):
            raise FileFormatError(
                "neurons of a population are missing or doubled", where=f"core {v.label!r}", value=v.lo
            )
        if v.place[2] not in machine.cores.get((v.x, v.y), ()):
            raise FileFormatError("is not a place on the board", where=f"core {v.label!r}", value=v.place)
        first.setdefault(v.population, at)
        sizes[v.population] = v.hi
        number[v.place] = at
        at += v.hi - v.lo
    neurons = [v for v in vertices if v.model is not None]
    parameters = {v.place: _parameters(image, v) for v in neurons}
    derived = [_derived(image, v) for v in neurons]
    cores = [
        (number[v.place], number[v.place] + v.hi - v.lo, CoreModel[str(v.model)], *parameters[v.place].shifts)
        for v in neurons
    ]
    empty = [np.zeros(0, np.int64)]
    return Started(
        Cores(*np.array(cores, dtype=np.int64).reshape(-1, 5).T.copy()),
        NeuronConstants(*(np.concatenate([*empty, *c]) for c in zip(*(d[0] for d in derived), strict=True))),
        NeuronState(*(np.concatenate([*empty, *c]) for c in zip(*(d[1] for d in derived), strict=True))),
        _synapses(image, machine, vertices, parameters, number, at),
        first,
        sizes,
    )


def _region(image: MachineImage, v: Vertex, region: Region) -> NDArray[np.uint32]:
    words = image.regions[v.place].get(int(region))
    if words is None:
        raise FileFormatError("a region is missing", where=f"core {v.label!r}", value=region.name.lower())
    return words


def _parameters(image: MachineImage, v: Vertex) -> CoreParameters:
    where = f"core {v.label!r}"
    words = _region(image, v, Region.CORE)
    n, key = decode_core_region(words, where)
    if n != v.hi - v.lo or key != v.key:
        raise FileFormatError(
            "regions and list of cores differ", where=where, value=(n, key), limit=(v.hi - v.lo, v.key)
        )
    core = decode_synapse_region(_region(image, v, Region.SYNAPSE_PARAMETERS), n, key, where)
    if words[4] != len(core.shifts) or tuple(words[5:7].tolist()) != core.shifts:
        raise FileFormatError("regions 1 and 4 differ in the left shifts", where=where, value=core.shifts)
    return core


def _derived(image: MachineImage, v: Vertex) -> tuple[NeuronConstants, NeuronState]:
    words = _region(image, v, Region.PARAMETERS)
    return decode_parameter_region(words, CoreModel[str(v.model)], v.hi - v.lo, f"core {v.label!r}")


def _synapses(
    image: MachineImage,
    machine: Machine,
    vertices: list[Vertex],
    parameters: Mapping[Place, CoreParameters],
    number: Mapping[Place, int],
    sources: int,
) -> Synapses:
    of_place = {v.place: v for v in vertices}
    tables = {
        place: decode_table(
            _region(image, of_place[place], Region.POPULATION_TABLE), f"core {of_place[place].label!r}"
        )
        for place in parameters
    }
    columns: list[tuple[NDArray[np.int64], ...]] = []
    for sender in vertices:
        if sender.key is None or sender.mask is None:
            continue
        width = (~sender.mask & 0xFFFFFFFF).bit_length()
        if (sender.hi - sender.lo) << COLOUR_BITS > 1 << width:
            raise FileFormatError(
                "its neurons do not fit its keys", where=f"core {sender.label!r}", value=f"{sender.mask:#x}"
            )
        for place in sorted(destinations(machine, image.tables, (sender.x, sender.y), sender.key, width)):
            if place not in parameters:
                raise FileFormatError(
                    "packets go to a core that cannot use them", where=f"core {sender.label!r}", value=place
                )
            entry = next((e for e in tables[place] if sender.key & e.mask == e.key), None)
            if entry is None:
                continue
            where = f"core {of_place[place].label!r}"
            memory = _region(image, of_place[place], Region.SYNAPTIC_ROWS)
            core = parameters[place]
            layout = RowFormat(core.atoms)
            for begin, length in entry.blocks:
                row, words = decode_block(
                    memory, begin, length, entry.row(sender.key), sender.hi - sender.lo, where
                )
                weight, delay, receptor, index = (a.astype(np.int64) for a in layout.decode(words))
                if np.any(index >= core.neurons) or np.any(delay < 1):
                    raise FileFormatError(
                        "a synapse names a neuron or a delay that does not exist", where=where
                    )
                delay = (delay - 1) % (1 << core.delay_bits) + 1  # slots are taken modulo their number
                columns.append((row + number[sender.place], index + number[place], receptor, delay, weight))
    source, target, receptor, delay, weight = (
        np.concatenate([np.zeros(0, np.int64), *(c[i] for c in columns)]) for i in range(5)
    )
    order = np.argsort(source, kind="stable")
    row_start = np.searchsorted(source[order], np.arange(sources + 1)).astype(np.int64)
    return Synapses(
        row_start,
        target[order].astype(np.int32),
        receptor[order].astype(np.uint8),
        delay[order].astype(np.int32),
        weight[order].astype(np.uint16),
    )
