"""Where packets go, and what the cores they come to make of them: routing tables, then population tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.core_tables import Incoming, Streams
from neurosim.hardware.spinnaker.emulator.row_reader import Rows
from neurosim.hardware.spinnaker.image.delay_region import DelayParameters
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex, VertexKind
from neurosim.hardware.spinnaker.image.population_table import TableEntry
from neurosim.hardware.spinnaker.machine import Machine, Place
from neurosim.hardware.spinnaker.routing.keys import COLOUR_BITS
from neurosim.hardware.spinnaker.routing.trace import Packets, Route, trace_all

__all__ = ["Arrival", "Entries", "arrivals", "find_entry", "held_by", "rows_of", "streams_of"]

_COLOURS = (1 << COLOUR_BITS) - 1


@dataclass(frozen=True)
class Arrival:
    """Packets that come to a core: those of ``vertex`` whose atom has ``(atom ^ bits) & care == 0``."""

    vertex: int
    care: int
    bits: int


@dataclass
class Entries:
    """The columns of `Incoming`, core by core."""

    first: list[int] = field(default_factory=lambda: [0])
    columns: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, arrival: Arrival, row: int) -> None:
        """An entry of the core in hand."""
        self.columns.append((arrival.vertex, arrival.care, arrival.bits, row))

    def close(self) -> None:
        """Go on with the next core."""
        self.first.append(len(self.columns))

    def incoming(self) -> Incoming:
        """All cores together."""
        vertex, care, bits, row = np.array(self.columns, np.int64).reshape(-1, 4).T.copy()
        return Incoming(np.array(self.first, np.int64), vertex, care, bits, row)


def streams_of(
    image: MachineImage, machine: Machine, vertices: Sequence[Vertex], atoms: NDArray[np.int64]
) -> tuple[Streams, tuple[Route, ...]]:
    """The streams of all vertices and the way of each.

    Args:
        atoms: [vertices] how many keys each vertex uses.

    Raises:
        FileFormatError: keys that do not fit their mask, packets that run in circles, or an entry that tells packets
            apart by the step in which they were sent.
    """
    senders: list[Packets] = []
    for v, n in zip(vertices, atoms.tolist(), strict=True):
        if v.key is not None and v.mask is not None:
            width = v.key_bits
            if n << COLOUR_BITS > 1 << width or v.key & ~v.mask:
                raise FileFormatError(
                    "its neurons do not fit its keys", where=f"core {v.label!r}", value=f"{v.mask:#x}"
                )
            senders.append(Packets((v.x, v.y), v.key, width))
    traced = iter(zip(senders, trace_all(machine, image.tables, senders), strict=True))
    first, care, bits, routes = [0], [], [], []
    for v, n in zip(vertices, atoms.tolist(), strict=True):
        if v.key is not None:
            sender, parts = next(traced)
            free = (1 << sender.width) - 1
            for route in parts:
                tested = route.mask & free
                if tested & _COLOURS:
                    raise FileFormatError(
                        "a routing entry tells packets apart by when they were sent",
                        where=f"core {v.label!r}",
                    )
                c, b = tested >> COLOUR_BITS, (route.key & free) >> COLOUR_BITS
                if not c or np.any(((np.arange(n) ^ b) & c) == 0):
                    care.append(c)
                    bits.append(b)
                    routes.append(route)
        first.append(len(care))
    return Streams(*(np.array(a, np.int64) for a in (first, care, bits))), tuple(routes)


def arrivals(
    vertices: Sequence[Vertex], streams: Streams, routes: Sequence[Route]
) -> dict[Place, list[Arrival]]:
    """What comes to each core, in the order of the senders' places; twice where two copies come.

    Only the number of saturated additions depends on the order; where every core takes a step at once, nothing says
    which packet is first.
    """
    found: dict[Place, list[Arrival]] = {v.place: [] for v in vertices}
    listens = {v.place: v for v in vertices if v.kind is not VertexKind.SOURCE}
    for k, v in sorted(enumerate(vertices), key=lambda found: found[1].place):
        for s in range(int(streams.first[k]), int(streams.first[k + 1])):
            arrival = Arrival(k, int(streams.care[s]), int(streams.bits[s]))
            for place in routes[s].cores:
                if place not in listens:
                    raise FileFormatError(
                        "packets go to a core that cannot use them", where=f"core {v.label!r}", value=place
                    )
                found[place].append(arrival)
    return found


def find_entry(table: Sequence[TableEntry], key: int) -> TableEntry | None:
    """The entry that a core finds for a packet, by the binary search it does (sPyNNaker ``population_table.c``)."""
    low, high = 0, len(table)
    while low < high:
        middle = (low + high) // 2
        entry = table[middle]
        if key & entry.mask == entry.key:
            return entry
        if entry.key < key:
            low = middle + 1
        else:
            high = middle
    return None


def rows_of(table: Sequence[TableEntry], key: int, atoms: int) -> list[Rows]:
    """The rows of each block that packets of a vertex lead to; none if the table does not know them."""
    entry = find_entry(table, key)
    if entry is None:
        return []
    first = entry.row(key)
    return [Rows(start=start, length=length, first=first, count=atoms) for start, length in entry.blocks]


def held_by(
    p: DelayParameters,
    vertices: Sequence[Vertex],
    atoms: NDArray[np.int64],
    arrived: Sequence[Arrival],
    where: str,
) -> list[tuple[Arrival, int]]:
    """What a delay core counts of what comes to it: arrivals and the neuron that atom 0 of the vertex means.

    Args:
        atoms: [vertices] how many keys each vertex uses.

    Raises:
        FileFormatError: packets of neurons that the delay core does not have.
    """
    found = []
    for a in arrived:
        key = vertices[a.vertex].key or 0
        if key & p.incoming_mask != p.incoming_key:
            continue
        neuron = (key & ~p.incoming_mask & 0xFFFFFFFF) >> COLOUR_BITS
        size = int(atoms[a.vertex])
        if neuron + size > p.neurons:
            raise FileFormatError(
                "packets of neurons that a delay core does not know",
                where=where,
                value=neuron + size,
                limit=p.neurons,
            )
        found.append((a, neuron))
    return found
