"""Homeostatic scaling: all weights onto a neuron are multiplied by a factor of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.parameters import parameter
from neurosim.plasticity.upkeep import Upkeep

__all__ = ["RateScaling", "Scaling", "SumScaling"]


class Scaling(Upkeep):
    """Base of scalings: `factors` says by what the weights onto each neuron are multiplied, before they are clipped."""

    def factors(self, total: NDArray[Any], rate: NDArray[Any]) -> NDArray[Any]:
        """Factors [n_post] from the sums of |w| onto each neuron and its rates in Hz."""
        raise NotImplementedError

    def first_rate(self) -> float:
        """What `rate_after` begins with, Hz."""
        return 0.0

    def rate_after(self, rate: NDArray[Any], now: NDArray[Any]) -> NDArray[Any]:
        """The rate that `factors` sees, from what it was before and the rate over the last interval, Hz."""
        return now


class SumScaling(Scaling):
    """The sum of |w| onto each neuron is brought to a target.

    Source: von der Malsburg, Kybernetik 14 (1973); as in Diehl and Cook, Front. Comput. Neurosci. 9 (2015).

    Attributes:
        every: interval, s.
        target: the sum of |w|, in the unit of the weight.
    """

    target: float = parameter(default=1.0, above=0.0)

    def factors(self, total: NDArray[Any], rate: NDArray[Any]) -> NDArray[Any]:
        return np.where(total > 0, self.target / np.where(total > 0, total, 1.0), 1.0)


class RateScaling(Scaling):
    r"""Weights grow while a neuron fires less than its target rate, and shrink while it fires more.

    Every interval: r <- r + (1 - exp(-every/tau_rate)) (spikes/every - r), then
    w <- w max(0, 1 + gain (1 - r/target_rate)). r begins at the target.

    Source: Turrigiano et al., Nature 391 (1998); the form of van Rossum, Bi and Turrigiano, J. Neurosci. 20 (2000).

    Attributes:
        every: interval, s.
        target_rate: Hz.
        gain: relative change of a silent neuron's weights per interval.
        tau_rate: time constant of the estimate of the rate, s.
    """

    target_rate: float = parameter(default=10.0, above=0.0)
    gain: float = parameter(default=0.1, minimum=0.0)
    tau_rate: float = parameter(default=1.0, unit="s", above=0.0)

    def first_rate(self) -> float:
        return self.target_rate

    def rate_after(self, rate: NDArray[Any], now: NDArray[Any]) -> NDArray[Any]:
        return rate + (1.0 - math.exp(-self.every / self.tau_rate)) * (now - rate)

    def factors(self, total: NDArray[Any], rate: NDArray[Any]) -> NDArray[Any]:
        factors: NDArray[Any] = np.maximum(1.0 + self.gain * (1.0 - rate / self.target_rate), 0.0)
        return factors
