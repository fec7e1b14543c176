"""Whether the work of a core fits its time step, by the estimate of `core_cycles`.

A step has the cycles of the machine's clock in the time that it takes on the machine. The emulator computes as if all
work fitted. What happens on a machine where it does not is not modelled: packets that wait longer than a step reach
their slot late or not at all, and an input queue (256 packets) that is full loses some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.core_cycles import delay_core_cycles, neuron_core_cycles
from neurosim.hardware.spinnaker.emulator.fabric import Fabric
from neurosim.hardware.spinnaker.emulator.run_cores import Work
from neurosim.hardware.spinnaker.emulator.start_up import Started
from neurosim.hardware.spinnaker.image.machine_image import Vertex, VertexKind

__all__ = ["CoreLoad", "Overrun", "core_load"]


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
    shape, delays = fabric.streams.shape[:2], started.tables.delays
    received, sent = fabric.received, fabric.sent
    rows, static, plastic = (
        np.array([getattr(w, kind) for w in work], np.int64).reshape(*shape, len(started.tables.cores.lo))
        for kind in ("rows", "static", "plastic")
    )
    stages = dict(zip(delays.vertex.tolist(), delays.stages.tolist(), strict=True))
    cycles = np.zeros((*shape, len(started.vertices)), np.int64)
    for k, v in enumerate(started.vertices):
        packets = {"received": received[..., k], "sent": sent[..., k]}
        if v.kind is VertexKind.NEURONS:
            cycles[..., k] = neuron_core_cycles(
                str(v.model), v.hi - v.lo, **packets,
                rows=rows[..., k], static=static[..., k], plastic=plastic[..., k],
            )  # fmt: skip
        elif v.kind is VertexKind.DELAY:
            cycles[..., k] = delay_core_cycles(v.hi - v.lo, stages[k], **packets)
    return CoreLoad(vertices=started.vertices, cycles=cycles, available=available)
