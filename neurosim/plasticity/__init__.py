"""Plasticity rules, their conventions, and upkeep at an interval."""

from neurosim.plasticity.calcium import CalciumSTDP
from neurosim.plasticity.fixed_weights import FixedWeights
from neurosim.plasticity.inhibitory import MirroredSTDP, SymmetricSTDP
from neurosim.plasticity.options import (
    Axis,
    DelaySite,
    Delivered,
    Dependence,
    Pairing,
    SameStep,
    WeightUpdate,
)
from neurosim.plasticity.reward import RewardSTDP
from neurosim.plasticity.rewiring import Rewiring
from neurosim.plasticity.rule import PlasticityRule
from neurosim.plasticity.scaling import RateScaling, Scaling, SumScaling
from neurosim.plasticity.stdp import STDP
from neurosim.plasticity.triplet import TripletSTDP
from neurosim.plasticity.upkeep import Upkeep

__all__ = [
    "STDP",
    "Axis",
    "CalciumSTDP",
    "DelaySite",
    "Delivered",
    "Dependence",
    "FixedWeights",
    "MirroredSTDP",
    "Pairing",
    "PlasticityRule",
    "RateScaling",
    "RewardSTDP",
    "Rewiring",
    "SameStep",
    "Scaling",
    "SumScaling",
    "SymmetricSTDP",
    "TripletSTDP",
    "Upkeep",
    "WeightUpdate",
]
