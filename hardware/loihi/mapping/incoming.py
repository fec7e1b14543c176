"""The synapses of a network as arrays by target: what is counted when neurons are added to a core one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.device_network import DeviceNetwork, DeviceProjection

__all__ = ["Incoming", "incoming_of"]

Ints = NDArray[np.int64]

_FULL_WEIGHT = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Incoming:
    """Synapses with a weight, projection after projection, by target within each.

    A *row* is a presynaptic neuron of a projection: its synapses on a core are one list, or nearly so.

    Attributes:
        projections: int64 [populations + 1]; those of population p are projections[p]:projections[p + 1].
        start: int64 [projections]; the synapses of neuron i are bounds[start[j] + i]:bounds[start[j] + i + 1] of
            projection j.
        bounds: int64.
        row: int32, of each synapse.
        source_of_row: int32 [rows], in `DeviceNetwork.first_neuron`'s count.
        width_of_row: uint8 [rows], bits of weight and delay of a synapse.
    """

    projections: Ints
    start: Ints
    bounds: Ints
    row: NDArray[np.int32]
    source_of_row: NDArray[np.int32]
    width_of_row: NDArray[np.uint8]


def incoming_of(network: DeviceNetwork) -> Incoming:
    """The synapses of a network by target."""
    first = network.first_neuron
    counts, start, size = [0], [], 0
    bounds, rows, sources, widths = ([np.zeros(0, np.int64)] for _ in range(4))
    synapses = n_rows = 0
    for name, population in network.populations.items():
        incoming = network.incoming(name)
        counts.append(counts[-1] + len(incoming))
        for p in incoming:
            which, bound = _by_target(p, population.size)
            start.append(size)
            bounds.append(bound + synapses)
            rows.append(p.source[which] + n_rows)
            size_of_pre = network.size_of(p.pre)
            sources.append(first[p.pre] + np.arange(size_of_pre))
            widths.append(np.full(size_of_pre, _FULL_WEIGHT + p.longest_delay.bit_length()))
            size += len(bound)
            synapses += len(which)
            n_rows += size_of_pre
    return Incoming(
        projections=np.array(counts, dtype=np.int64),
        start=np.array(start, dtype=np.int64),
        bounds=np.concatenate(bounds),
        row=np.concatenate(rows).astype(np.int32),
        source_of_row=np.concatenate(sources).astype(np.int32),
        width_of_row=np.concatenate(widths).astype(np.uint8),
    )


def _by_target(projection: DeviceProjection, size: int) -> tuple[Ints, Ints]:
    """Synapses with a weight in order of target, and where those of each target begin."""
    order, target = projection.by_target
    alive = projection.weight[order] != 0
    if not alive.all():
        order, target = order[alive], target[alive]
    return order, np.searchsorted(target, np.arange(size + 1)).astype(np.int64)
