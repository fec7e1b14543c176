"""Neuron models, one a file: parameters, equations, discretisation."""

from neurosim.neurons.adaptive_lif import AdaptiveLIF
from neurosim.neurons.adex import AdEx
from neurosim.neurons.alpha_conductance_lif import AlphaConductanceLIF
from neurosim.neurons.alpha_current_lif import AlphaCurrentLIF
from neurosim.neurons.conductance_lif import ConductanceLIF
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.dual_current_lif import DualCurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.izhikevich import Izhikevich
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.neurons.relay import Relay

__all__ = [
    "LIF",
    "AdEx",
    "AdaptiveLIF",
    "AlphaConductanceLIF",
    "AlphaCurrentLIF",
    "ConductanceLIF",
    "CurrentLIF",
    "Discretisation",
    "DualCurrentLIF",
    "IntegrateAndFire",
    "Izhikevich",
    "LeakyIntegrator",
    "NeuronModel",
    "RefractoryInput",
    "Relay",
    "Reset",
    "ResetTiming",
    "SpikeWhen",
]
