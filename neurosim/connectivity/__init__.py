"""Who is connected to whom, how strongly and how late."""

from neurosim.connectivity.delay_rounding import Rounding
from neurosim.connectivity.distributions import Distribution, Normal, Uniform
from neurosim.connectivity.rules import AllToAll, Convolution2d, FixedProbability, OneToOne, Rule, Sparse

__all__ = [
    "AllToAll",
    "Convolution2d",
    "Distribution",
    "FixedProbability",
    "Normal",
    "OneToOne",
    "Rounding",
    "Rule",
    "Sparse",
    "Uniform",
]
