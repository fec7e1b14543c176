"""What synapses deliver to neurons, step by step, of given spikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.numerics.arithmetic import shift
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork
from neurosim.spikes import Spikes

__all__ = ["Synapses", "arrivals", "chip_synapses", "float_synapses", "trains"]

Ints = NDArray[np.int64]
Trains = Mapping[str, sparse.csr_array]


@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses of one projection, arrays [k]: neurons of ``pre``, targets, what one does to the register u, and steps
    from spike to arrival."""

    pre: str
    source: Ints
    target: Ints
    value: NDArray[np.float64]
    delay: Ints


def chip_synapses(network: DeviceNetwork, population: str) -> list[Synapses]:
    """The synapses that end at a population, as the chip holds them."""
    return [
        Synapses(
            p.pre, p.source, p.target, (shift(p.weight, p.exponent) << 6).astype(np.float64), p.delay + 1
        )
        for p in network.incoming(population)
    ]


def float_synapses(plan: Plan, quantised: QuantisedNetwork, population: str) -> list[Synapses]:
    """The synapses that end at a population, as they were described, in the units of its registers."""
    q, found = quantised.populations[population], []
    for p in plan.incoming(population):
        target = p.target.astype(np.int64)
        value = p.weight.astype(np.float64) * q.gain[target] * q.scale
        found.append(Synapses(p.pre, p.pre_index.astype(np.int64), target, value, p.delay.astype(np.int64)))
    return found


def trains(spikes: Mapping[str, Spikes], sample: int) -> dict[str, sparse.csr_array]:
    """Spikes of one sample, counts float64 [T, n] by name."""
    found = {}
    for name, s in spikes.items():
        mine = s.sample == sample
        cells = (s.counts_of_cells()[mine].astype(np.float64), (s.step[mine], s.neuron[mine]))
        found[name] = sparse.csr_array(cells, shape=(s.steps, s.size))
    return found


def arrivals(
    synapses: Sequence[Synapses], sent: Trains, steps: int, neurons: slice | Sequence[int], size: int
) -> NDArray[np.float64]:
    """Sums of arrivals, float64 [T, neurons].

    Args:
        sent: see `trains`. neurons: those of the population that are asked for. size: of the population.
    """
    chosen = np.arange(size)[neurons]
    place = np.full(size, -1)
    place[chosen] = np.arange(len(chosen))
    found = np.zeros((steps, len(chosen)))
    for s in synapses:
        mine = place[s.target] >= 0
        source, target, value, delay = (a[mine] for a in (s.source, place[s.target], s.value, s.delay))
        train: Any = sent[s.pre]
        for d in np.unique(delay).tolist():
            if d < steps:
                at = delay == d
                shape = (train.shape[1], len(chosen))
                matrix = sparse.csr_array((value[at], (source[at], target[at])), shape=shape)
                found[d:] += (train[: steps - d] @ matrix).toarray()
    return found
