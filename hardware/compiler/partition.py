"""Pass 4: split populations over cores, as consecutive slices of neurons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError

__all__ = ["even_slices", "slices_within"]


def even_slices(size: int, limit: int) -> list[range]:
    """The fewest slices of at most ``limit`` neurons, as equal as can be."""
    parts = max(1, math.ceil(size / limit))
    edges = [round(i * size / parts) for i in range(parts + 1)]
    return [range(a, b) for a, b in pairwise(edges)]


def slices_within(
    costs: Mapping[str, NDArray[np.float64]], limits: Mapping[str, float], where: str
) -> list[range]:
    """Consecutive slices whose summed costs stay within every limit, filled greedily (the fewest there can be).

    Args:
        costs: resource -> cost of each neuron, [n].
        limits: resource -> limit of a core.

    Raises:
        CapacityError: one neuron alone is over a limit.
    """
    n = len(next(iter(costs.values())))
    for resource, cost in costs.items():
        if n and cost.max() > limits[resource]:
            raise CapacityError(
                f"one neuron needs more {resource} than a core has",
                where=f"{where}, neuron {int(cost.argmax())}",
                value=float(cost.max()),
                limit=limits[resource],
                remedy="Reduce its fan-in",
            )
    total = {r: np.concatenate([[0.0], np.cumsum(c)]) for r, c in costs.items()}
    slices, first = [], 0
    while first < n:
        ends = [int(np.searchsorted(total[r], total[r][first] + limits[r], side="right")) - 1 for r in costs]
        last = min(n, *ends)
        slices.append(range(first, last))
        first = last
    return slices
