"""Plasticity rules."""

from neurosim.plasticity.rule import PlasticityRule
from neurosim.plasticity.stdp import STDP

__all__ = ["STDP", "PlasticityRule"]
