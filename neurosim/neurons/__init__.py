"""Neuron models, one a file: parameters, equations, discretisation."""

from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation, RefractoryInput, Reset, ResetTiming, SpikeWhen

__all__ = [
    "LIF",
    "CurrentLIF",
    "Discretisation",
    "IntegrateAndFire",
    "LeakyIntegrator",
    "NeuronModel",
    "RefractoryInput",
    "Reset",
    "ResetTiming",
    "SpikeWhen",
]
