"""What the cores make of their memory when they start: constants, states, and the synapses of every sender.

Packets are followed through the routing tables to the cores, which look up their population tables and read the rows:
a synapse acts only if key, tables, addresses and words all say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.core_tables import Cores, Delays, Incoming, Memory, Tables
from neurosim.hardware.spinnaker.emulator.lookup import (
    Arrival,
    Entries,
    arrivals,
    held_by,
    rows_of,
    streams_of,
)
from neurosim.hardware.spinnaker.emulator.row_reader import RowReader, Rows
from neurosim.hardware.spinnaker.emulator.row_streams import CoreRows, row_streams
from neurosim.hardware.spinnaker.emulator.synapse_list import SynapseList, list_synapses
from neurosim.hardware.spinnaker.image.delay_region import DELAY_REGION, DelayParameters, decode_delay_region
from neurosim.hardware.spinnaker.image.machine_image import MachineImage, Vertex, VertexKind
from neurosim.hardware.spinnaker.image.plasticity_region import decode_plasticity_region, rule_of_suffix
from neurosim.hardware.spinnaker.image.population_table import decode_table
from neurosim.hardware.spinnaker.image.regions import (
    CoreParameters,
    Region,
    decode_core_region,
    decode_parameter_region,
    decode_synapse_region,
)
from neurosim.hardware.spinnaker.machine import Machine, Place
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, NeuronConstants, NeuronState
from neurosim.hardware.spinnaker.numerics.kernel import State32, constants32, state32
from neurosim.hardware.spinnaker.numerics.pair_rule import PairRule
from neurosim.hardware.spinnaker.numerics.ring_buffer import RING_BITS, index_bits, log2_up
from neurosim.hardware.spinnaker.numerics.stdp import PostHistory, empty_history, rule_table
from neurosim.hardware.spinnaker.routing.trace import Route
from neurosim.plasticity.options import Pairing

__all__ = ["PlasticPlace", "Started", "start"]

_MOST_COUNTERS = 1 << 20
"""More than any delay core has memory for."""
_KINDS = (VertexKind.NEURONS, VertexKind.SOURCE, VertexKind.DELAY)


@dataclass(frozen=True)
class PlasticPlace:
    """Where plastic rows came from: core, rows in its memory, the vertex that selects them, number of the first row."""

    place: Place
    rows: Rows
    vertex: int
    first: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Started:
    """A machine that has started.

    Attributes:
        vertices: in the order of their numbers, see `core_tables`. first_atom: int64 [vertices + 1].
        tables: what its cores hold. initial: what they hold that changes.
        first, sizes: population or input -> number of its first atom, and its neurons.
        routes: the way of each stream. plastic: where plastic rows came from. plastic_words: the regions they were in.
    """

    vertices: tuple[Vertex, ...]
    first_atom: NDArray[np.int64]
    tables: Tables
    initial: Memory
    first: Mapping[str, int]
    sizes: Mapping[str, int]
    routes: tuple[Route, ...]
    plastic: tuple[PlasticPlace, ...]
    plastic_words: Mapping[Place, NDArray[np.uint32]]

    @cached_property
    def synapses(self) -> SynapseList:
        """All synapses as they are at the start."""
        return list_synapses(self.tables, self.initial, self.first_atom)

    def memory(self) -> Memory:
        """A copy of the initial memory."""
        m = self.initial
        rows = m.rows._replace(
            last_time=m.rows.last_time.copy(),
            last_trace=m.rows.last_trace.copy(),
            weight=m.rows.weight.copy(),
        )
        neurons, h = State32(*(a.copy() for a in m.neurons)), m.history
        history = PostHistory(h.held.copy(), h.time.copy(), h.trace.copy(), h.lost.copy())
        return Memory(neurons, m.ring.copy(), m.counters.copy(), rows, history)


def start(image: MachineImage, machine: Machine) -> Started:
    """Start the cores of an image.

    Raises:
        FileFormatError: words, tables or places that contradict each other.
    """
    vertices = tuple(sorted(image.vertices, key=lambda v: (_KINDS.index(v.kind), v.population, v.lo)))
    extensions = {v.place: _delay_parameters(image, v) for v in vertices if v.kind is VertexKind.DELAY}
    atoms = np.array(
        [
            extensions[v.place].neurons * extensions[v.place].stages if v.place in extensions else v.hi - v.lo
            for v in vertices
        ],
        np.int64,
    )
    first_atom = np.concatenate([[0], np.cumsum(atoms)]).astype(np.int64)
    first, sizes = _numbered(vertices, first_atom, machine)
    streams, routes = streams_of(image, machine, vertices, atoms)
    arrived = arrivals(vertices, streams, routes)

    boot = _Boot(image, vertices, atoms, first_atom)
    for k, v in enumerate(vertices):
        if v.kind is VertexKind.NEURONS:
            boot.core(k, arrived[v.place])
    cores, constants, state = boot.cores()
    delays, held = _delays(vertices, atoms, extensions, arrived)
    tables = Tables(
        first_atom, cores, constants32(constants), streams, row_streams(boot.rows, first_atom),
        boot.plastic_entries.incoming(), delays, held, rule_table(boot.rules),
    )  # fmt: skip
    n = int(cores.hi[-1]) if len(cores.hi) else 0
    cells = int(np.sum(2 << (cores.index_bits + cores.delay_bits)))
    counters = int(np.sum(delays.size * (delays.mask + 1)))
    initial = Memory(
        state32(state), np.zeros(cells, np.uint16), np.zeros(counters, np.uint8), boot.reader.plastic_rows(),
        empty_history(n if boot.rules else 0),
    )  # fmt: skip
    return Started(
        vertices=vertices,
        first_atom=first_atom,
        tables=tables,
        initial=initial,
        first=first,
        sizes=sizes,
        routes=routes,
        plastic=tuple(boot.plastic),
        plastic_words=boot.plastic_words,
    )


def _numbered(
    vertices: Sequence[Vertex], first_atom: NDArray[np.int64], machine: Machine
) -> tuple[dict[str, int], dict[str, int]]:
    """First atom and size of every population, after a look at the places."""
    first: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for v, at in zip(vertices, first_atom.tolist(), strict=False):
        if v.place[2] not in machine.cores.get((v.x, v.y), ()):
            raise FileFormatError("is not a place on the machine", where=f"core {v.label!r}", value=v.place)
        if v.kind is VertexKind.DELAY:
            continue
        if v.lo != sizes.get(v.population, 0):
            raise FileFormatError(
                "neurons of a population are missing or doubled", where=f"core {v.label!r}", value=v.lo
            )
        first.setdefault(v.population, at)
        sizes[v.population] = v.hi
    return first, sizes


class _Boot:
    """Reads the neuron cores one after the other."""

    def __init__(
        self,
        image: MachineImage,
        vertices: Sequence[Vertex],
        atoms: NDArray[np.int64],
        first_atom: NDArray[np.int64],
    ) -> None:
        self.image, self.vertices, self.atoms, self.first_atom = image, vertices, atoms, first_atom
        self.plastic_entries, self.reader = Entries(), RowReader()
        self.rows: list[CoreRows] = []
        self.rules: list[tuple[PairRule, tuple[int, int]]] = []
        self.plastic: list[PlasticPlace] = []
        self.plastic_words: dict[Place, NDArray[np.uint32]] = {}
        self._cores: list[tuple[int, ...]] = []
        self._derived: list[tuple[NeuronConstants, NeuronState]] = []
        self._cells = 0

    def core(self, number: int, arrived: Sequence[Arrival]) -> None:
        """Start the next core."""
        v = self.vertices[number]
        where, lo = f"core {v.label!r}", int(self.first_atom[number])
        core = _parameters(self.image, v)
        rule, pairing = self._rule(v, core, where)
        bits = index_bits(core.atoms)
        self._cores.append(
            (
                lo,
                lo + core.neurons,
                CoreModel[str(v.model)],
                *core.shifts,
                self._cells,
                bits,
                core.delay_bits,
                rule,
            )
        )
        self._cells += 2 << (bits + core.delay_bits)
        words = _region(self.image, v, Region.PARAMETERS)
        self._derived.append(decode_parameter_region(words, CoreModel[str(v.model)], core.neurons, where))

        table = decode_table(_region(self.image, v, Region.POPULATION_TABLE), where)
        wanted: list[Rows] = []
        places: dict[int, range] = {}
        for a in arrived:
            if a.vertex not in places:
                begin = len(wanted)
                wanted += rows_of(table, int(self.vertices[a.vertex].key or 0), int(self.atoms[a.vertex]))
                places[a.vertex] = range(begin, len(wanted))
        memory = _region(self.image, v, Region.SYNAPTIC_ROWS)
        found, rows = self.reader.read(memory, wanted, core, lo, rule, pairing, where)
        for vertex, which in places.items():
            self.plastic += [
                PlasticPlace(v.place, wanted[i], vertex, found[i][0]) for i in which if found[i][1]
            ]
        if any(plastic for _, plastic in found):
            self.plastic_words[v.place] = memory
        static = []
        for a in arrived:
            for row, plastic in (found[i] for i in places[a.vertex]):
                if plastic:
                    self.plastic_entries.add(a, row)
                else:
                    static.append((a.vertex, a.care, a.bits, row))
        self.rows.append(rows._replace(entries=np.array(static, np.int64).reshape(-1, 4)))
        self.plastic_entries.close()

    def _rule(self, v: Vertex, core: CoreParameters, where: str) -> tuple[int, Pairing]:
        """Number of the rule of the core's plastic synapses, -1 without one, and what its rows are like."""
        words = self.image.regions[v.place].get(int(Region.PLASTICITY))
        if words is None or not len(words):
            return -1, Pairing.ALL
        if v.plasticity is None:
            raise FileFormatError("has a rule, but its program has no plasticity", where=where)
        rule = decode_plasticity_region(words, where, *rule_of_suffix(v.plasticity, where))
        self.rules.append((rule, core.shifts))
        return len(self.rules) - 1, rule.pairing

    def cores(self) -> tuple[Cores, NeuronConstants, NeuronState]:
        """All cores, and their neurons."""
        empty = np.zeros(0, np.int64)
        table = np.array(self._cores, np.int64).reshape(-1, len(Cores._fields)).T.copy()
        constants, states = zip(*self._derived, strict=True) if self._derived else ((), ())
        fields = [
            [np.concatenate([empty, *(getattr(part, name) for part in parts)]) for name in kind._fields]
            for kind, parts in ((NeuronConstants, constants), (NeuronState, states))
        ]
        return Cores(*table), NeuronConstants(*fields[0]), NeuronState(*fields[1])


def _delays(
    vertices: Sequence[Vertex],
    atoms: NDArray[np.int64],
    extensions: Mapping[Place, DelayParameters],
    arrived: Mapping[Place, Sequence[Arrival]],
) -> tuple[Delays, Incoming]:
    entries = Entries()
    rows: list[tuple[int, ...]] = []
    counters = 0
    for k, v in enumerate(vertices):
        if v.place in extensions:
            p = extensions[v.place]
            for arrival, neuron in held_by(p, vertices, atoms, arrived[v.place], f"core {v.label!r}"):
                entries.add(arrival, neuron)
            entries.close()
            steps = 1 << log2_up(p.stages * p.slots + 1)
            rows.append((k, p.neurons, p.stages, p.slots, counters, steps - 1))
            counters += steps * p.neurons
    return Delays(*np.array(rows, np.int64).reshape(-1, len(Delays._fields)).T.copy()), entries.incoming()


def _region(image: MachineImage, v: Vertex, region: int) -> NDArray[np.uint32]:
    words = image.regions[v.place].get(int(region))
    if words is None:
        raise FileFormatError(
            "a region is missing", where=f"core {v.label!r}", value=Region(region).name.lower()
        )
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
    bits = core.delay_bits + index_bits(len(core.shifts)) + index_bits(core.atoms)
    if n > core.atoms or bits > RING_BITS:
        raise FileFormatError(
            "its neurons or ring buffers do not fit",
            where=where,
            value=f"{n} neurons, {bits} bits",
            limit=f"{core.atoms} neurons, {RING_BITS} bits",
        )
    return core


def _delay_parameters(image: MachineImage, v: Vertex) -> DelayParameters:
    p = decode_delay_region(_region(image, v, DELAY_REGION), f"core {v.label!r}")
    counters = p.neurons * p.stages * p.slots
    if counters > _MOST_COUNTERS:
        raise FileFormatError(
            "its counters do not fit", where=f"core {v.label!r}", value=counters, limit=_MOST_COUNTERS
        )
    if p.neurons != v.hi - v.lo or p.key != v.key:
        raise FileFormatError(
            "regions and list of cores differ",
            where=f"core {v.label!r}",
            value=(p.neurons, p.key),
            limit=(v.hi - v.lo, v.key),
        )
    return p
