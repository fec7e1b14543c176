"""Distributions of weights and delays. Symbolic until lowering, then drawn by synapse index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["Distribution", "Normal", "Uniform"]


class Distribution(Parameters):
    """Base: ``sample(key, index)`` draws one number for every synapse index."""

    def sample(self, key: int, index: NDArray[Any]) -> NDArray[np.float64]:
        """Draws, float64 of the shape of ``index``; the same for the same key and index."""
        raise NotImplementedError


class Normal(Distribution):
    """Gaussian with ``mean`` and standard deviation ``std``: ``Normal(0.3, 0.1)``."""

    mean: float = parameter(default=0.0)
    std: float = parameter(default=1.0, minimum=0.0)

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)
        self.__post_init__()

    def sample(self, key: int, index: NDArray[Any]) -> NDArray[np.float64]:
        return self.mean + self.std * random.normal(key, index)


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
        return self.low + (self.high - self.low) * random.uniform(key, index)
