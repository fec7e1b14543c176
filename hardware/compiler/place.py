"""Pass 5: put cores on sites so that spikes travel few hops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import CapacityError

__all__ = ["hops", "place"]


def place(
    traffic: ArrayLike, sites: Sequence[tuple[int, int]], where: str = "placement"
) -> NDArray[np.int64]:
    """A site for each core: greedily, the core with most traffic to placed ones next, at the free site of fewest hops.

    Args:
        traffic: [n, n], spikes (or synapses) from core to core.
        sites: (x, y) of every place a core may take, several cores may share a position; Manhattan distance.

    Returns:
        Index into ``sites`` for each core, int64 [n].

    Raises:
        CapacityError: more cores than sites.
    """
    t = np.asarray(traffic, np.float64)
    t = t + t.T
    n = len(t)
    if n > len(sites):
        raise CapacityError(
            "more cores than the machine has",
            where=where,
            value=n,
            limit=len(sites),
            remedy="Use a smaller network or a larger machine",
        )
    at = np.array(sites, np.float64).reshape(-1, 2)
    chosen = np.full(n, -1, np.int64)
    free = np.ones(len(at), bool)
    pull = np.zeros(n)  # traffic of each core with those that are placed
    cost = np.zeros((n, len(at)))  # and that traffic times the hops it would take from each site
    for k in range(n):
        core = int(np.where(chosen >= 0, -1.0, pull if k else t.sum(axis=1)).argmax())
        if pull[core] > 0:
            distance = cost[core]
        else:
            distance = np.abs(at - (at.mean(axis=0) if k else at[0])).sum(axis=1)
        site = int(np.where(free, distance, np.inf).argmin())
        chosen[core], free[site] = site, False
        pull += t[:, core]
        met = np.flatnonzero(t[:, core])
        cost[met] += t[met, core, None] * np.abs(at - at[site]).sum(axis=1)
    return chosen


def hops(traffic: ArrayLike, sites: Sequence[tuple[int, int]], placement: NDArray[np.int64]) -> float:
    """Traffic times Manhattan distance, summed: what `place` keeps small."""
    at = np.array(sites, np.float64)[placement]
    distance = np.abs(at[:, None, :] - at[None]).sum(axis=2)
    return float((np.asarray(traffic) * distance).sum())
