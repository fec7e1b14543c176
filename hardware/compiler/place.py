"""Pass 5: put cores on sites so that spikes travel few hops.

A first placement is greedy. Exchanges then improve it, by the tabu search of Taillard, "Robust taboo search for the
quadratic assignment problem", Parallel Computing 17 (1991), with tenures from a fixed sequence: equal traffic gives
equal placements.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import CapacityError

__all__ = ["exchange", "hops", "place"]

_ROUNDS_PER_CORE = 16
_ROUNDS_WITHOUT_GAIN = 6
"""of each core"""
_FREE_SITES = 8
"""Free sites that are looked at, and as many more as there are cores."""
_WORK = 1e8
"""Entries of the table of exchanges that may be computed: a bound on time for machines of thousands of sites."""


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


def exchange(
    traffic: ArrayLike, sites: Sequence[tuple[int, int]], placement: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A placement with no more hops: cores change places with each other and with free sites.

    Args:
        traffic, sites: as for `place`. placement: a site for each core, int64 [n].
    """
    at = np.array(sites, np.int64).reshape(-1, 2)
    n = len(placement)
    if n < 2 or hops(traffic, sites, placement) == 0:
        return placement
    # free sites hold cores without traffic, so that a move is an exchange too; those far from all cores are of no use
    idle = np.setdiff1d(np.arange(len(at)), placement)
    away = np.abs(at[idle] - at[placement].mean(axis=0)).sum(axis=1)
    used = np.concatenate([placement, idle[np.argsort(away, kind="stable")][: n + _FREE_SITES]])
    at, m = at[used], len(used)
    site = np.arange(m)
    distance = np.abs(at[:, None] - at[None]).sum(axis=2).astype(np.float64)
    rounds = int(min(_ROUNDS_PER_CORE * n, _WORK // (m * m)))
    t = np.zeros((m, m))
    t[:n, :n] = np.asarray(traffic, np.float64)
    t += t.T
    np.fill_diagonal(t, 0.0)
    useful = np.zeros((m, m), bool)
    useful[:n] = True
    useful = np.triu(useful | useful.T, 1)
    cost = t @ distance[site]  # of each core at each site, the others where they are
    position = np.unique(at, axis=0, return_inverse=True)[1].reshape(-1)
    until = np.zeros(
        (m, int(position.max()) + 1), np.int64
    )  # rounds in which a core may not return to a position
    now = best = 0.0
    found, since = site.copy(), 0
    for k in range(rounds):
        here = cost[np.arange(m), site]
        there = cost[:, site]
        change = there + there.T - here[:, None] - here[None] + 2 * t * distance[np.ix_(site, site)]
        spot = position[site]
        waits = until[:, spot] > k
        barred = waits & waits.T
        allowed = useful & (spot[:, None] != spot[None]) & (~barred | (now + change < best - 1e-9))
        change = np.where(allowed, change, np.inf)
        a, b = divmod(int(change.argmin()), m)
        if not np.isfinite(change[a, b]):
            break
        now += change[a, b]
        tenure = m // 8 + 2 + k % (m // 4 + 1)
        until[a, spot[a]] = until[b, spot[b]] = k + 1 + tenure
        cost += np.outer(t[:, a] - t[:, b], distance[site[b]] - distance[site[a]])
        site[a], site[b] = site[b], site[a]
        if now < best - 1e-9:
            best, found, since = now, site.copy(), k
        elif k - since > _ROUNDS_WITHOUT_GAIN * n:
            break
    return np.asarray(used[found[:n]], dtype=np.int64)


def hops(traffic: ArrayLike, sites: Sequence[tuple[int, int]], placement: NDArray[np.int64]) -> float:
    """Traffic times Manhattan distance, summed: what placements keep small."""
    at = np.array(sites, np.float64)[placement]
    distance = np.abs(at[:, None, :] - at[None]).sum(axis=2)
    return float((np.asarray(traffic) * distance).sum())
