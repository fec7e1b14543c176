"""Training: neuron layers, synapses with learnable delays and surrogate gradients on time-major PyTorch tensors."""

try:
    import torch as _torch  # noqa: F401
except ImportError as _error:
    from neurosim.errors import MissingExtraError

    raise MissingExtraError("torch", "train", _error) from _error

from neurosim.nn.neurons.lif import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator, Neurons, neuron_layer
from neurosim.nn.protocols import NoiseModel, Quantiser
from neurosim.nn.sequential import Sequential
from neurosim.nn.surrogate import Arctan, Boxcar, Sigmoid, SuperSpike, Surrogate, Triangle
from neurosim.nn.synapses.convolution import Conv1d, Conv2d
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.synapses.dropout import Dropout
from neurosim.nn.synapses.linear import Linear, Synapses
from neurosim.nn.synapses.normalisation import BatchNorm
from neurosim.nn.synapses.pooling import AveragePool, MaxPool, SumPool
from neurosim.nn.synapses.sparse import Growth, SparseDelayLinear, SparseLinear, prune_, rewire_
from neurosim.nn.synapses.transform import Transform
from neurosim.nn.to_network import from_network, to_network
from neurosim.nn.training.fit import Epoch, Schedule, batch_tensor, fit, spike_counts
from neurosim.nn.training.losses import SpikeCountCrossEntropy

__all__ = [
    "LIF",
    "Arctan",
    "AveragePool",
    "BatchNorm",
    "Boxcar",
    "Conv1d",
    "Conv2d",
    "CurrentLIF",
    "DelayLinear",
    "Dropout",
    "Epoch",
    "Growth",
    "IntegrateAndFire",
    "LeakyIntegrator",
    "Linear",
    "MaxPool",
    "Neurons",
    "NoiseModel",
    "Quantiser",
    "Schedule",
    "Sequential",
    "Sigmoid",
    "SparseDelayLinear",
    "SparseLinear",
    "SpikeCountCrossEntropy",
    "SumPool",
    "SuperSpike",
    "Surrogate",
    "Synapses",
    "Transform",
    "Triangle",
    "batch_tensor",
    "fit",
    "from_network",
    "neuron_layer",
    "prune_",
    "rewire_",
    "spike_counts",
    "to_network",
]
