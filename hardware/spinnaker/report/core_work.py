"""Whether the work of a core fits its time step, predicted from mean rates.

The cost model is that of `core_cycles`; here packets, rows and synaptic events are averages, so single steps need more
(the emulator counts them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.core_cycles import delay_core_cycles, neuron_core_cycles
from neurosim.hardware.spinnaker.delay_extension import stage_of
from neurosim.hardware.spinnaker.image.machine_image import VertexKind

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork

__all__ = ["CoreWork", "core_work"]

Float = NDArray[np.float64]


class CoreWork(NamedTuple):
    """Work of each core in a step, on average, float64 [cores]: rows read, synaptic events, processor cycles.

    Cycles of a spike source are 0: what its program does is not in the model.
    """

    rows: Float
    events: Float
    cycles: Float


def core_work(mapped: MappedNetwork, activity: Mapping[str, Float], sent: Float, received: Float) -> CoreWork:
    """The work of every core, in the order of the vertices.

    Args:
        activity: spikes of each neuron in a step, by population.
        sent, received: packets of each core in a step.
    """
    network = mapped.network
    parts = {n: _work_of(mapped, n, activity) for n, p in network.populations.items() if p.model is not None}
    rows, static, plastic, cycles = (np.zeros(len(mapped.image.vertices)) for _ in range(4))
    for k, v in enumerate(mapped.image.vertices):
        neurons, packets = v.hi - v.lo, {"received": received[k], "sent": sent[k]}
        if v.kind is VertexKind.DELAY:
            cycles[k] = delay_core_cycles(neurons, mapped.extensions[v.population].stages, **packets)
        elif v.kind is VertexKind.NEURONS:
            atoms = network.populations[v.population].atoms
            rows[k], static[k], plastic[k] = parts[v.population][:, v.lo // atoms]
            cycles[k] = neuron_core_cycles(
                str(v.model), neurons, **packets, rows=rows[k], static=static[k], plastic=plastic[k]
            )
    return CoreWork(rows, static + plastic, cycles)


def _work_of(mapped: MappedNetwork, name: str, activity: Mapping[str, Float]) -> Float:
    """Rows, static and plastic synaptic events of each core of a population, [3, cores]."""
    population = mapped.network.populations[name]
    slots = population.slots
    work = np.zeros((3, population.cores))
    for p in mapped.network.incoming(name):
        stages = 1 + max(0, stage_of(p.longest_delay, slots))
        seen = np.full((population.cores, stages), -1, np.int64)
        rows, events, often = work[0], work[2 if p.plastic else 1], np.ascontiguousarray(activity[p.pre])
        _add_rows(often, p.row_start, p.target, p.delay, population.atoms, slots, seen, rows, events)
    return work


def _add_each(
    activity: Float,
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    delay: NDArray[np.uint16],
    atoms: int,
    slots: int,
    seen: NDArray[np.int64],
    rows: Float,
    events: Float,
) -> None:
    """Add rows and events of one projection; ``seen`` [cores, stages]: the last source with a row there."""
    for i in range(len(row_start) - 1):
        often = activity[i]
        for k in range(row_start[i], row_start[i + 1]):
            core, stage = target[k] // atoms, (int(delay[k]) - 1) // slots
            events[core] += often
            if seen[core, stage] != i:
                seen[core, stage] = i
                rows[core] += often


_add_rows = njit(cache=True)(_add_each)
