"""What is where: populations, cores and chips in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.delay_extension import delay_core_dtcm
from neurosim.hardware.spinnaker.image.machine_image import Vertex, VertexKind
from neurosim.hardware.spinnaker.report.core_work import CoreWork

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork

__all__ = ["ChipUse", "CoreUse", "PopulationUse", "boards_of", "chips_of", "cores_of", "populations_of"]


@dataclass(frozen=True, kw_only=True)
class CoreUse:
    """A core: what runs on it (``kind`` "neurons", "source" or "delay"), its place, neurons, and bytes of memory.

    ``sdram``: shared memory, what the host writes. ``dtcm``: the core's own data memory; 0 where it is not estimated.
    In a step, on average: ``received`` packets, ``events`` arrivals at synapses, and ``load``, the share of the step
    that its work is estimated to need; 0 for spike sources.
    """

    label: str
    population: str
    kind: str
    x: int
    y: int
    p: int
    neurons: int
    sdram: int
    dtcm: int
    received: float
    events: float
    load: float


@dataclass(frozen=True, kw_only=True)
class ChipUse:
    """A chip that holds cores or that packets pass: cores in use of those there are, bytes of SDRAM, routing entries.

    ``entries``: of the table that is loaded; ``uncompressed``: before compression.
    """

    x: int
    y: int
    cores: int
    most_cores: int
    sdram: int
    entries: int
    uncompressed: int


@dataclass(frozen=True, kw_only=True)
class PopulationUse:
    """A population: neurons, cores, atoms a core, delay slots used and there, left shifts of its receptors.

    ``program``: the neuron program, or "spike source". ``stages``: of its delay extension, 0 without one.
    """

    name: str
    program: str
    neurons: int
    cores: int
    atoms: int
    slots_used: int
    slots: int
    shifts: tuple[int, int]
    stages: int


def cores_of(
    mapped: MappedNetwork, received: NDArray[np.float64], work: CoreWork, available: float
) -> tuple[CoreUse, ...]:
    """Every core, in the order of the vertices.

    Args:
        received: packets of each in a step. available: cycles of a step.
    """
    return tuple(
        CoreUse(
            label=v.label,
            population=v.population,
            kind=v.kind.value,
            x=v.x,
            y=v.y,
            p=v.p,
            neurons=v.hi - v.lo,
            sdram=sdram,
            dtcm=_dtcm(mapped, v),
            received=float(received[k]),
            events=float(work.events[k]),
            load=float(work.cycles[k] / available),
        )
        for k, (v, sdram) in enumerate(zip(mapped.image.vertices, mapped.sdram, strict=True))
    )


def _dtcm(mapped: MappedNetwork, v: Vertex) -> int:
    """Bytes of data memory; what a spike source takes is not known and small."""
    if v.kind is VertexKind.NEURONS:
        return mapped.words[v.population].dtcm
    if v.kind is VertexKind.DELAY:
        extension = mapped.extensions[v.population]
        return delay_core_dtcm(v.hi - v.lo, extension.stages, extension.slots)
    return 0


def chips_of(mapped: MappedNetwork, cores: Sequence[CoreUse]) -> tuple[ChipUse, ...]:
    """Chips that hold cores or that packets pass, in order of x and y."""
    tables = mapped.image.tables
    on: dict[tuple[int, int], list[CoreUse]] = {chip: [] for chip in (*tables, *mapped.uncompressed)}
    for c in cores:
        on.setdefault((c.x, c.y), []).append(c)
    return tuple(
        ChipUse(
            x=chip[0],
            y=chip[1],
            cores=len(here),
            most_cores=len(mapped.machine.cores[chip]),
            sdram=sum(c.sdram for c in here),
            entries=len(tables.get(chip, ())),
            uncompressed=mapped.uncompressed.get(chip, 0),
        )
        for chip, here in sorted(on.items())
    )


def boards_of(mapped: MappedNetwork, chips: Sequence[ChipUse]) -> int:
    """Boards that hold one of these chips."""
    ethernet = mapped.machine.ethernet
    return len({ethernet.get((c.x, c.y), (0, 0)) for c in chips})


def populations_of(mapped: MappedNetwork) -> tuple[PopulationUse, ...]:
    """Every population, in order."""
    network, stages = mapped.network, {name: e.stages for name, e in mapped.extensions.items()}
    return tuple(
        PopulationUse(
            name=name,
            program="spike source" if p.model is None else p.model.name,
            neurons=p.size,
            cores=p.cores,
            atoms=p.full_core,
            slots_used=min(p.slots, network.longest_delay(name)),
            slots=0 if p.model is None else p.slots,
            shifts=p.shifts,
            stages=stages.get(name, 0),
        )
        for name, p in network.populations.items()
    )
