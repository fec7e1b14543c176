"""Training: neuron layers, synapses with learnable delays and surrogate gradients on time-major PyTorch tensors."""

try:
    import torch as _torch  # noqa: F401
except ImportError as _error:
    from neurosim.errors import MissingExtraError

    raise MissingExtraError("torch", "train", _error) from _error

from neurosim.nn.delay_linear import DelayLinear
from neurosim.nn.lif import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator, neuron_layer
from neurosim.nn.linear import Linear
from neurosim.nn.loss import SpikeCountCrossEntropy
from neurosim.nn.protocols import NoiseModel, Quantiser
from neurosim.nn.sequential import Sequential
from neurosim.nn.surrogate import Arctan, Boxcar, Sigmoid, SuperSpike, Surrogate, Triangle
from neurosim.nn.to_network import from_network, to_network
from neurosim.nn.training import Epoch, Schedule, batch_tensor, fit, spike_counts

__all__ = [
    "LIF",
    "Arctan",
    "Boxcar",
    "CurrentLIF",
    "DelayLinear",
    "Epoch",
    "IntegrateAndFire",
    "LeakyIntegrator",
    "Linear",
    "NoiseModel",
    "Quantiser",
    "Schedule",
    "Sequential",
    "Sigmoid",
    "SpikeCountCrossEntropy",
    "SuperSpike",
    "Surrogate",
    "Triangle",
    "batch_tensor",
    "fit",
    "from_network",
    "neuron_layer",
    "spike_counts",
    "to_network",
]
