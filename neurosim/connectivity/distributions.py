"""Distributions of weights and delays. Symbolic until lowering, then drawn by synapse index."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.place_draws import normals, uniforms
from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["Distribution", "LogNormal", "Normal", "Uniform"]

LEAST_SHARE = 1e-3
"""The share of a normal that must lie between its bounds, for redrawing to come to an end."""


class Distribution(Parameters):
    """Base: ``sample(key, index)`` draws one number for every synapse index.

    A synapse's index is its place in the order (presynaptic neuron, target). Weights are kept as float32, delays as
    steps.
    """

    def sample(self, key: int, index: NDArray[Any]) -> NDArray[np.float64]:
        """Draws, float64 of the shape of ``index``; the same for the same key and index."""
        raise NotImplementedError


class Normal(Distribution):
    """Gaussian with ``mean`` and standard deviation ``std``: ``Normal(0.3, 0.1)``.

    ``Normal(1.5e-3, 0.75e-3, low=1e-4)`` draws again what falls below ``low`` or above ``high`` (a truncated normal;
    its mean and deviation are no longer those named).
    """

    mean: float = parameter(default=0.0)
    std: float = parameter(default=1.0, minimum=0.0)
    low: float = parameter(default=-math.inf, infinite=True)
    high: float = parameter(default=math.inf, infinite=True)

    def __init__(
        self, mean: float = 0.0, std: float = 1.0, *, low: float = -math.inf, high: float = math.inf
    ) -> None:
        for name, value in (("mean", mean), ("std", std), ("low", low), ("high", high)):
            object.__setattr__(self, name, value)
        self.__post_init__()
        share = _share(self)
        if share < LEAST_SHARE:
            raise DescriptionError(
                "too little of the normal lies between low and high",
                where="Normal",
                value=f"{share:.2g}",
                limit=f">= {LEAST_SHARE:g}",
            )

    def sample(self, key: int, index: NDArray[Any]) -> NDArray[np.float64]:
        drawn = self.mean + self.std * normals(key, index)
        lane = 0
        while self.low > -math.inf or self.high < math.inf:
            outside = (drawn < self.low) | (drawn > self.high)
            if not outside.any():
                break
            lane += 1
            drawn[outside] = self.mean + self.std * normals(key, index[outside], lane)
        return drawn


def _share(of: Normal) -> float:
    """The probability of a draw between the bounds."""
    if of.std == 0:
        return float(of.low <= of.mean <= of.high)
    low, high = ((bound - of.mean) / (of.std * math.sqrt(2.0)) for bound in (of.low, of.high))
    return 0.5 * (math.erfc(low) - math.erfc(high))


class LogNormal(Distribution):
    """``median`` times the exponential of a Gaussian of standard deviation ``sigma``: ``LogNormal(0.3, 0.5)``.

    The logarithm has mean log(median) and deviation sigma; the mean is median exp(sigma^2 / 2).
    """

    median: float = parameter(default=1.0, above=0.0)
    sigma: float = parameter(default=1.0, minimum=0.0)

    def __init__(self, median: float = 1.0, sigma: float = 1.0) -> None:
        object.__setattr__(self, "median", median)
        object.__setattr__(self, "sigma", sigma)
        self.__post_init__()

    def sample(self, key: int, index: NDArray[Any]) -> NDArray[np.float64]:
        return self.median * np.exp(self.sigma * normals(key, index))


class Uniform(Distribution):
    """Uniform between ``low`` and ``high``: ``Uniform(1e-3, 8e-3)``."""

    low: float = parameter(default=0.0)
    high: float = parameter(default=1.0)

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        self.__post_init__()
        if not self.low <= self.high:
            raise DescriptionError("low is above high", where="Uniform", value=(low, high))

    def sample(self, key: int, index: NDArray[Any]) -> NDArray[np.float64]:
        return self.low + (self.high - self.low) * uniforms(key, index)
