"""How far two sets of spike trains are apart, with their times: the distance of van Rossum (Neural Comput. 13, 751).

Each train is filtered with exp(-t/tau); the distance is the square of the difference, summed over time and neurons, in
units in which a spike that only one of them has counts one. A spike k steps late counts 2 (1 - exp(-k/tau)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.spikes import Spikes

__all__ = ["TAU", "spike_distance"]

TAU = 5.0
"""Steps within which spikes count as near each other."""
_FORGOTTEN = 1e-6
"""Overlaps below this are left out."""


def spike_distance(found: Spikes, wanted: Spikes, tau: float = TAU) -> float:
    """The squared distance of two batches of the same shape; several spikes in one cell count as one."""
    cells = [_trains_and_steps(s) for s in (found, wanted)]
    both = np.concatenate(cells)
    sign = np.repeat([1.0, -1.0], [len(c) for c in cells])
    order = np.argsort(both, kind="stable")
    both, sign = both[order], sign[order]
    # spikes that both have cancel
    same = np.flatnonzero(np.diff(both) == 0)
    alone = np.ones(len(both), np.bool_)
    alone[same] = alone[same + 1] = False
    both, sign = both[alone], sign[alone]
    train, step = np.divmod(both, np.int64(found.steps + 1))
    # of two decaying exponentials a step apart by d the overlap is exp(-d/tau)
    total, apart = float(len(both)), 1
    while apart < len(both):
        near = train[apart:] == train[:-apart]
        if not near.any():
            break
        overlap = np.exp((step[:-apart] - step[apart:])[near] / tau)
        if overlap.max() < _FORGOTTEN:
            break
        total += 2.0 * float(np.sum(sign[apart:][near] * sign[:-apart][near] * overlap))
        apart += 1
    return max(total, 0.0)


def _trains_and_steps(s: Spikes) -> NDArray[np.int64]:
    train = s.sample.astype(np.int64) * s.size + s.neuron
    return train * (s.steps + 1) + s.step
