"""Who is connected to whom, how strongly and how late."""

from neurosim.connectivity.convolution import Convolution2d
from neurosim.connectivity.delay_rounding import Rounding
from neurosim.connectivity.distance import DistanceDependent, Placement, grid_order
from neurosim.connectivity.distributions import Distribution, LogNormal, Normal, Uniform
from neurosim.connectivity.random_rules import (
    Autapses,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    Multapses,
)
from neurosim.connectivity.rule import Ends, Rule
from neurosim.connectivity.rules import AllToAll, OneToOne, Sparse
from neurosim.connectivity.scipy_matrix import from_scipy
from neurosim.connectivity.small_world import SmallWorld

__all__ = [
    "AllToAll",
    "Autapses",
    "Convolution2d",
    "DistanceDependent",
    "Distribution",
    "Ends",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "LogNormal",
    "Multapses",
    "Normal",
    "OneToOne",
    "Placement",
    "Rounding",
    "Rule",
    "SmallWorld",
    "Sparse",
    "Uniform",
    "from_scipy",
    "grid_order",
]
