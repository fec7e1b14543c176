"""Whether the work of a core fits its time step: an estimate in processor cycles.

    cycles = step + neurons * neuron(program) + packets received * packet + rows with synapses * row
             + static synapses * static_synapse + plastic synapses * plastic_synapse + packets sent * sent_packet

A delay core has counters, neurons * stages of them, in place of neurons and rows. The constants are in
``core_cycles.toml``, each with its source; most are estimates. A step has the cycles of the machine's clock in the
time that it takes on the machine.

The emulator computes as if all work fitted. What happens on a machine where it does not is not modelled: packets that
wait longer than a step reach their slot late or not at all, and an input queue (256 packets) that is full loses some.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.emulator.fabric import Fabric
from neurosim.hardware.spinnaker.emulator.run_cores import Work
from neurosim.hardware.spinnaker.emulator.start_up import Started
from neurosim.hardware.spinnaker.image.machine_image import Vertex, VertexKind

__all__ = ["CoreLoad", "Overrun", "core_load", "cycle_sources", "read_cycles"]


@cache
def _table() -> dict[str, dict[str, str | int]]:
    file = resources.files("neurosim.hardware.spinnaker") / "core_cycles.toml"
    return tomllib.loads(file.read_text("utf-8"))


@cache
def read_cycles() -> Mapping[str, int]:
    """Cycles by what they are for."""
    return MappingProxyType({name: int(entry["value"]) for name, entry in _table().items()})


@cache
def cycle_sources() -> Mapping[str, str]:
    """Where each number comes from."""
    return MappingProxyType({name: str(entry["source"]) for name, entry in _table().items()})


@dataclass(frozen=True, kw_only=True)
class Overrun:
    """A step of a core that has more work than cycles: ``load`` is their ratio."""

    core: str
    sample: int
    step: int
    load: float


@dataclass(frozen=True, eq=False, kw_only=True)
class CoreLoad:
    """The estimated work of all cores.

    Attributes:
        vertices: the cores. cycles: int64 [B, T, vertices]; 0 for spike sources. available: cycles of a step.
    """

    vertices: tuple[Vertex, ...]
    cycles: NDArray[np.int64]
    available: float

    @property
    def load(self) -> NDArray[np.float64]:
        """Share of the step that is needed, [B, T, vertices]."""
        return np.asarray(self.cycles / self.available)

    def overruns(self) -> tuple[Overrun, ...]:
        """Steps in which the work of a core does not fit, in order of sample and step."""
        return tuple(
            Overrun(
                core=self.vertices[k].label,
                sample=b,
                step=t,
                load=float(self.cycles[b, t, k] / self.available),
            )
            for b, t, k in np.argwhere(self.cycles > self.available).tolist()
        )


def core_load(started: Started, fabric: Fabric, work: Sequence[Work], available: float) -> CoreLoad:
    """The load of a run.

    Args:
        work: of each sample. available: cycles of a step.
    """
    c, tables = read_cycles(), started.tables
    cores = len(tables.cores.lo)
    cycles = np.zeros((*fabric.streams.shape[:2], len(started.vertices)), np.int64)
    for k, v in enumerate(started.vertices[:cores]):
        cycles[..., k] = c["step"] + (v.hi - v.lo) * c[f"neuron_{str(v.model).lower()}"]
    delays = tables.delays
    cycles[..., delays.vertex] = c["step"] + delays.size * delays.stages * c["delay_counter"]
    for b, w in enumerate(work):
        cycles[b, :, :cores] += w.rows * np.int64(c["row"])
        cycles[b, :, :cores] += w.static * np.int64(c["static_synapse"])
        cycles[b, :, :cores] += w.plastic * np.int64(c["plastic_synapse"])
    computes = [k for k, v in enumerate(started.vertices) if v.kind is not VertexKind.SOURCE]
    packets = fabric.received * c["packet"] + fabric.sent * c["sent_packet"]
    cycles[..., computes] += packets[..., computes]
    return CoreLoad(vertices=started.vertices, cycles=cycles, available=available)
