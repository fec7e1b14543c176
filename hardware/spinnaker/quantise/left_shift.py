"""The left shift of a receptor: how far a 16-bit ring-buffer cell is shifted to become s16.15.

A cell holds sums below ``2 ** (shift + 1)``. A large shift avoids saturation and coarsens weights: their resolution is
``2 ** (shift - 15)``. `expected_sum` is sPyNNaker's estimate of the largest sum from the statistics of the incoming
projections (class ``_Stats`` in ``population_vertex.py``), reproduced so that a script without explicit maxima can be
predicted; compiling sets the maxima explicitly instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

__all__ = ["ProjectionStatistics", "expected_sum", "shift_for"]


@dataclass(frozen=True, kw_only=True)
class ProjectionStatistics:
    """One incoming projection of a receptor.

    ``fan_in``: the most connections into one neuron; ``mean``, ``variance``, ``largest``: of the magnitudes of the
    weights; ``delay_variance``: only whether it is zero counts. For an STDP projection mean and largest are w_max.
    """

    fan_in: int
    mean: float
    variance: float
    largest: float
    delay_variance: float


def shift_for(largest_sum: float) -> int:
    """The smallest shift whose cells hold sums up to and including this one."""
    if largest_sum <= 0:
        return 0
    power = math.ceil(max(0.0, math.log2(largest_sum)))
    return power + 1 if 2.0**power <= largest_sum else power


def expected_sum(
    projections: Sequence[ProjectionStatistics],
    dt: float,
    *,
    global_scale: float = 1.0,
    spikes_per_second: float = 30.0,
    sigma: float = 5.0,
) -> float:
    """The sum of weights that a cell of this receptor is expected to hold at most.

    Args:
        dt: time step in seconds.
        global_scale: 1024 for conductance models. As in the original, the total that caps the estimate is not
            multiplied by it, so conductance models get small shifts and may saturate.
    """
    total = sum(max(1.0, spikes_per_second * dt) * p.largest * p.fan_in for p in projections)
    largest = max((p.largest * global_scale for p in projections), default=0.0)
    if not any(p.delay_variance > 0 for p in projections):
        return max(total, largest)
    n, mean, square = 0, 0.0, 0.0  # parallel mean and M2, each projection weighted by its fan-in
    for p in projections:
        if p.fan_in > 0:
            m = p.mean * global_scale
            delta = m - mean
            square += p.variance * global_scale**2 * (p.fan_in - 1) + delta**2 * n * p.fan_in / (n + p.fan_in)
            mean = (n * mean + p.fan_in * m) / (n + p.fan_in)
            n += p.fan_in
    deviation = math.sqrt(square / (n - 1)) if n > 1 else 0.0
    rate = n * spikes_per_second * dt  # expected spikes a step
    bound = rate * mean + sigma * math.sqrt(rate * mean**2 + _weight_variance(rate, deviation))
    return max(min(bound, total), largest)


def _weight_variance(rate: float, deviation: float) -> float:
    """Variance that the spread of the weights adds to a Poisson sum, summed up to three deviations of the count."""
    if deviation <= 0 or rate <= 0:
        return 0.0
    upper = round(rate + 3 * math.sqrt(rate))
    log_term = math.log(rate) * upper - float(special.gammaln(1 + upper))
    if not -701 < log_term < 701 or log_term == 0:
        return 0.0
    tail = math.exp(rate) * float(special.gammaincc(1 + upper, rate)) - math.exp(log_term)
    return math.exp(-rate + math.log(rate) + 2 * math.log(deviation) + math.log(tail))
