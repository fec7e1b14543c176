"""From a mapped network to its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.image.core_words import CoreWords
from neurosim.hardware.spinnaker.image.machine_image import Vertex
from neurosim.hardware.spinnaker.mapping.delay_extension import extensions, target_slots
from neurosim.hardware.spinnaker.numerics.ring_buffer import log2_up
from neurosim.hardware.spinnaker.report.cell_load import cell_load, sampled
from neurosim.hardware.spinnaker.report.delay_use import delay_use
from neurosim.hardware.spinnaker.report.energy import energy
from neurosim.hardware.spinnaker.report.headroom import Headroom
from neurosim.hardware.spinnaker.report.spinnaker_report import (
    ChipUse,
    CoreUse,
    PopulationUse,
    SpiNNakerReport,
)
from neurosim.hardware.spinnaker.report.traffic import Traffic, traffic
from neurosim.hardware.spinnaker.report.weight_error import WeightError
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork

__all__ = ["ASSUMED_RATE", "analyse"]

ASSUMED_RATE = 30.0
"""Spikes a second of a neuron where nothing better is known: what sPyNNaker assumes (``spikes_per_second``)."""


def analyse(
    mapped: MappedNetwork,
    limits: Mapping[str, Any],
    *,
    dt: float,
    step: float,
    rate: float = ASSUMED_RATE,
    spikes: Mapping[str, Spikes] | None = None,
    weights: Iterable[WeightError] = (),
) -> SpiNNakerReport:
    """Report on a mapped network.

    Args:
        dt: seconds of network time in a step. step: seconds that it takes on the machine.
        rate: spikes a second of network time, of every neuron whose spikes are not given.
        spikes: of populations and inputs, on the steps of the machine: from a simulation, or from an emulated run. With
            them loads are means over their steps and samples, and saturated cells are counted.
        weights: see `SpiNNakerReport`.

    Raises:
        DescriptionError: spikes of a population that does not exist or has another size.
    """
    network, given = mapped.network, dict(spikes or {})
    for name, s in given.items():
        population = network.populations.get(name)
        if population is None or population.size != s.size:
            raise DescriptionError(
                "spikes of no population of the network",
                where=f"population {name!r}",
                value=s.size,
                limit={n: p.size for n, p in network.populations.items()},
            )
    activity = _activity(network, rate * dt, given)
    links = traffic(
        mapped.machine,
        mapped.image.vertices,
        mapped.image.tables,
        [_packets(v, activity, network) for v in mapped.image.vertices],
        _basis(network, rate, given),
    )
    words = {
        n: CoreWords(network, n, extensions(network), mapped.keys)
        for n, p in network.populations.items()
        if p.model is not None
    }
    cores = _cores(mapped, words)
    chips = _chips(mapped, cores)
    return SpiNNakerReport(
        machine=mapped.machine.profile,
        step=step,
        dt=dt,
        rate=rate,
        headroom=tuple(_headroom(mapped, limits, words, cores, chips, links, step)),
        populations=_populations(network),
        cores=cores,
        chips=chips,
        weights=tuple(weights),
        delays=tuple(delay_use(network, p) for p in network.projections),
        cells=tuple(c for n in network.populations for c in cell_load(network, n, rate, dt)),
        sampled=tuple(
            s
            for n, p in network.populations.items()
            if given and p.model is not None
            for s in sampled(network, n, given)
        ),
        traffic=links,
        energy=energy(
            limits,
            boards=_boards(mapped, chips),
            chips=len([c for c in chips if c.cores]),
            cores=len(cores),
            visits=links.visits,
            events=_events(network, activity),
            step=step,
        ),
    )


def _activity(
    network: DeviceNetwork, mean: float, spikes: Mapping[str, Spikes]
) -> dict[str, NDArray[np.float64]]:
    """Spikes of each neuron in a step, on average."""
    return {
        n: spikes[n].counts().sum(axis=0) / max(1, spikes[n].steps * spikes[n].samples)
        if n in spikes
        else np.full(p.size, mean)
        for n, p in network.populations.items()
    }


def _basis(network: DeviceNetwork, rate: float, spikes: Mapping[str, Spikes]) -> str:
    silent = [n for n in network.populations if n not in spikes and network.outgoing(n)]
    assumed = f"{rate:g} spikes a second of every neuron"
    if not spikes:
        return f"assuming {assumed}"
    return "of the given spikes" + (f"; assuming {assumed} of {', '.join(silent)}" if silent else "")


def _packets(v: Vertex, activity: Mapping[str, NDArray[np.float64]], network: DeviceNetwork) -> float:
    """Packets that a vertex sends in a step; a delay core sends every spike once a stage."""
    if v.key is None:
        return 0.0
    return float(activity[v.population][v.lo : v.hi].sum())


def _events(network: DeviceNetwork, activity: Mapping[str, NDArray[np.float64]]) -> float:
    return float(sum(activity[p.pre] @ np.diff(p.row_start) for p in network.projections))


def _cores(mapped: MappedNetwork, words: Mapping[str, CoreWords]) -> tuple[CoreUse, ...]:
    found = []
    for v, sdram in zip(mapped.image.vertices, mapped.sdram, strict=True):
        core = v.lo // mapped.network.populations[v.population].atoms
        found.append(
            CoreUse(
                label=v.label,
                population=v.population,
                kind="source" if v.model is None else "neurons",
                x=v.x,
                y=v.y,
                p=v.p,
                neurons=v.hi - v.lo,
                sdram=sdram,
                dtcm=words[v.population].dtcm(core) if v.population in words else 0,
            )
        )
    return tuple(found)


def _chips(mapped: MappedNetwork, cores: Sequence[CoreUse]) -> tuple[ChipUse, ...]:
    tables = mapped.image.tables
    on: dict[tuple[int, int], list[CoreUse]] = {chip: [] for chip in tables}
    for c in cores:
        on.setdefault((c.x, c.y), []).append(c)
    return tuple(
        ChipUse(
            x=chip[0], y=chip[1], cores=len(here), most_cores=len(mapped.machine.cores[chip]),
            sdram=sum(c.sdram for c in here), entries=len(tables.get(chip, ())), uncompressed=len(tables.get(chip, ())),
        )
        for chip, here in sorted(on.items())
    )  # fmt: skip


def _boards(mapped: MappedNetwork, chips: Sequence[ChipUse]) -> int:
    ethernet = mapped.machine.ethernet
    return len({ethernet.get((c.x, c.y), (0, 0)) for c in chips})


def _populations(network: DeviceNetwork) -> tuple[PopulationUse, ...]:
    stages = {name: e.stages for name, e in extensions(network).items()}
    return tuple(
        PopulationUse(
            name=name,
            program="spike source" if p.model is None else p.model.name,
            neurons=p.size,
            cores=p.cores,
            atoms=min(p.size, p.atoms),
            slots_used=min(
                target_slots(p.size, p.atoms),
                max((q.longest_delay for q in network.incoming(name)), default=0),
            ),
            slots=0 if p.model is None else target_slots(p.size, p.atoms),
            shifts=p.shifts,
            stages=stages.get(name, 0),
        )
        for name, p in network.populations.items()
    )


def _headroom(
    mapped: MappedNetwork,
    limits: Mapping[str, Any],
    words: Mapping[str, CoreWords],
    cores: Sequence[CoreUse],
    chips: Sequence[ChipUse],
    links: Traffic,
    step: float,
) -> Iterable[Headroom]:
    machine, network = mapped.machine, mapped.network
    used = [c for c in chips if c.cores]
    yield Headroom(limit="cores", used=len(cores), most=sum(map(len, machine.cores.values())))
    yield Headroom(limit="chips", used=len(used), most=len(machine.cores))
    yield Headroom(limit="boards", used=_boards(mapped, chips), most=max(1, machine.boards))
    if chips:
        full = max(chips, key=lambda c: c.sdram)
        yield Headroom(
            limit="SDRAM of a chip, B",
            used=full.sdram,
            most=limits["sdram_bytes"],
            where=f"chip ({full.x}, {full.y})",
        )
        table = max(chips, key=lambda c: c.entries)
        yield Headroom(
            limit="router entries of a chip", used=table.entries, most=limits["router_entries"],
            where=f"chip ({table.x}, {table.y}), {table.uncompressed} before compression",
        )  # fmt: skip
    if cores:
        core = max(cores, key=lambda c: c.sdram)
        yield Headroom(
            limit="SDRAM of a core, B", used=core.sdram, most=limits["sdram_bytes"], where=core.label
        )
        core = max(cores, key=lambda c: c.dtcm)
        yield Headroom(limit="DTCM of a core, B", used=core.dtcm, most=limits["dtcm_bytes"], where=core.label)
        neurons = [c for c in cores if c.kind == "neurons"]
        if neurons:
            core = max(neurons, key=lambda c: c.neurons)
            yield Headroom(
                limit="neurons of a core", used=core.neurons, most=limits["atoms_per_core"], where=core.label
            )
    blocks = [(b.length, b.projection.name) for w in words.values() for b in w.blocks]
    if blocks:
        length, where = max(blocks)
        yield Headroom(limit="synapses of a row", used=length, most=limits["row_words"], where=where)
        slots = max(
            (p for p in _populations(network) if p.slots),
            key=lambda p: (p.slots_used / p.slots, p.slots_used),
        )
        yield Headroom(limit="delay slots", used=slots.slots_used, most=slots.slots, where=slots.name)
    if mapped.keys:
        width = log2_up(len(mapped.keys)) + max(
            s.sender.core_bits + s.sender.core_shift for s in mapped.keys.values()
        )
        yield Headroom(limit="bits of a key", used=width, most=32)
    busiest = links.busiest
    if busiest is not None:
        yield Headroom(
            limit="packets of a link in a step", used=busiest.packets, most=limits["link_packets_per_second"] * step,
            where=f"link {busiest.link} of chip ({busiest.x}, {busiest.y})",
        )  # fmt: skip
