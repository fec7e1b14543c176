"""What synapses deliver to neurons, step by step, of given spikes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

__all__ = ["Delivery", "arrivals", "chip_deliveries", "float_deliveries", "trains"]

Trains = Mapping[str, sparse.csr_array]


@dataclass(frozen=True, eq=False)
class Delivery:
    """Synapses of one projection and delay: a spike of neuron i of ``pre`` adds ``matrix[i, j]`` to the register u of
    neuron j ``delay`` steps later; a `scipy.sparse.csc_array` of float64 [size of pre, size of the population]."""

    pre: str
    delay: int
    matrix: Any


def chip_deliveries(network: DeviceNetwork, population: str) -> list[Delivery]:
    """The synapses that end at a population, as the chip holds them."""
    found: list[Delivery] = []
    for p in network.incoming(population):
        shape = (network.size_of(p.pre), network.populations[population].size)
        acting = (shift(p.weight, p.exponent) << 6).astype(np.float64)
        found += _by_delay(p.pre, p.source, p.target, acting, p.delay + 1, shape)
    return found


def float_deliveries(plan: Plan, quantised: QuantisedNetwork, population: str) -> list[Delivery]:
    """The synapses that end at a population, as they were described, in the units of its registers."""
    q = quantised.populations[population]
    found: list[Delivery] = []
    for p in plan.incoming(population):
        acting = p.weight.astype(np.float64) * q.gain[p.target] * q.scale
        found += _by_delay(p.pre, p.pre_index, p.target, acting, p.delay, (p.n_pre, p.n_post))
    return found


def _by_delay(
    pre: str,
    source: NDArray[Any],
    target: NDArray[Any],
    acting: NDArray[np.float64],
    delay: NDArray[Any],
    shape: tuple[int, int],
) -> Iterator[Delivery]:
    for d in np.unique(delay).tolist():
        at = delay == d
        yield Delivery(pre, d, sparse.csc_array((acting[at], (source[at], target[at])), shape=shape))


def trains(spikes: Mapping[str, Spikes], sample: int) -> dict[str, sparse.csr_array]:
    """Spikes of one sample, counts float64 [T, n] by name."""
    found = {}
    for name, s in spikes.items():
        mine = s.sample == sample
        cells = (s.counts_of_cells()[mine].astype(np.float64), (s.step[mine], s.neuron[mine]))
        found[name] = sparse.csr_array(cells, shape=(s.steps, s.size))
    return found


def arrivals(
    deliveries: Sequence[Delivery], sent: Trains, steps: int, neurons: slice | Sequence[int], size: int
) -> NDArray[np.float64]:
    """Sums of arrivals, float64 [T, neurons].

    Args:
        sent: see `trains`. neurons: those of the population that are asked for. size: of the population.
    """
    found = np.zeros((steps, len(np.arange(size)[neurons])))
    for d in deliveries:
        if d.delay < steps:
            train: Any = sent[d.pre]
            found[d.delay :] += (train[: steps - d.delay] @ d.matrix[:, neurons]).toarray()
    return found
