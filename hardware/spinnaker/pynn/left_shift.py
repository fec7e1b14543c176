"""The left shift of a receptor: how far a 16-bit ring-buffer cell is shifted to become s16.15.

A cell holds sums below ``2 ** (shift + 1)``. A large shift avoids saturation and coarsens weights: their resolution is
``2 ** (shift - 15)``. `expected_sum` is sPyNNaker's estimate of the largest sum from the statistics of the incoming
projections (class ``_Stats`` in ``population_vertex.py``), reproduced so that a script without explicit maxima can be
predicted; the order of the operations is the host's too, since a sum next to a power of two decides by its last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

__all__ = ["ProjectionStatistics", "expected_sum", "shift_for"]

_SPREAD = 3.0  # deviations of a Poisson count up to which weights are summed
_LARGEST_EXPONENT = 701.0


@dataclass(frozen=True, kw_only=True)
class ProjectionStatistics:
    """One incoming projection of a receptor.

    ``fan_in``: the most connections into one neuron; ``mean``, ``variance``, ``largest``: of the magnitudes of the
    weights; ``delay_variance``: only whether it is zero counts. For an STDP projection mean and largest are w_max,
    unless a weight is larger.
    """

    fan_in: int
    mean: float
    variance: float
    largest: float
    delay_variance: float


class _Running:
    """Mean and variance of groups of items known by theirs."""

    def __init__(self) -> None:
        self.n, self.mean, self._square = 0, 0.0, 0.0

    def add(self, mean: float, variance: float, n: int) -> None:
        if n > 0:
            total, delta = self.n + n, mean - self.mean
            self._square = self._square + variance * (n - 1.0) + (delta * delta * self.n * n) / total
            self.mean = (self.n * self.mean + n * mean) / total
            self.n = total

    @property
    def variance(self) -> float:
        return self._square / (self.n - 1.0) if self.n > 1 else 0.0


def shift_for(largest_sum: float) -> int:
    """The smallest shift whose cells hold sums up to and including this one."""
    if largest_sum <= 0:
        return 0
    power = math.ceil(max(0.0, math.log2(largest_sum)))
    return power + 1 if 2.0**power <= largest_sum else power


def expected_sum(
    projections: Sequence[ProjectionStatistics],
    timestep_us: int,
    *,
    global_scale: float = 1.0,
    spikes_per_second: float = 30.0,
    sigma: float = 5.0,
) -> float:
    """The sum of weights that a cell of this receptor is expected to hold at most.

    Args:
        timestep_us: time step in microseconds.
        global_scale: 1024 for conductance models. As in the original, the total that caps the estimate is not
            multiplied by it, so conductance models get small shifts and may saturate.
    """
    steps_per_second = 1e6 / timestep_us
    weights, delays, rates = _Running(), _Running(), _Running()
    total = largest = 0.0
    for p in projections:
        weights.add(p.mean * global_scale, p.variance * global_scale**2, p.fan_in)
        largest = max(largest, p.largest * global_scale)
        delays.add(0.0, p.delay_variance, p.fan_in)  # a fan-in of one hides the variance
        rates.add(spikes_per_second, 0.0, p.fan_in)
        total += max(1.0, spikes_per_second / steps_per_second) * (p.largest * p.fan_in)
    if delays.variance == 0.0:
        return max(total, largest)
    rate = float(weights.n * rates.mean) / steps_per_second  # expected spikes a step
    spread = _weight_variance(rate, math.sqrt(weights.variance))
    bound = rate * weights.mean + sigma * math.sqrt(rate * weights.mean**2 + spread)
    return max(min(bound, total), largest)


def _weight_variance(rate: float, deviation: float) -> float:
    """Variance that the spread of the weights adds to a Poisson sum, summed up to three deviations of the count."""
    if deviation <= 0 or rate <= 0:
        return 0.0
    upper = round(rate + _SPREAD * math.sqrt(rate))
    log_term = math.log(rate) * upper - float(special.gammaln(1 + upper))
    if not -_LARGEST_EXPONENT < log_term < _LARGEST_EXPONENT or log_term == 0:
        return 0.0
    tail = math.exp(rate) * float(special.gammaincc(1 + upper, rate)) - math.exp(log_term)
    return math.exp(-rate + math.log(rate) + 2 * math.log(deviation) + math.log(tail))
