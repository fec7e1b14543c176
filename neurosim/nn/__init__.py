"""Training: neuron layers, synapses with learnable delays and surrogate gradients on time-major PyTorch tensors."""

try:
    import torch as _torch  # noqa: F401
except ImportError as _error:
    from neurosim.errors import MissingExtraError

    raise MissingExtraError("torch", "train", _error) from _error

from neurosim.nn.fold_normalisation import fold_normalisation
from neurosim.nn.from_network import from_network
from neurosim.nn.neurons.adaptive_lif import AdaptiveLIF
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.neurons.lif import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator
from neurosim.nn.neurons.neuron_layer import neuron_layer
from neurosim.nn.neurons.recurrent import Recurrent, RecurrentState
from neurosim.nn.protocols import DeviceRules, Held, NeuronQuantiser, NoiseModel, Quantiser
from neurosim.nn.quantisation import quantise
from neurosim.nn.sequential import Sequential
from neurosim.nn.state import detached
from neurosim.nn.straight_through import straight_through
from neurosim.nn.surrogate import Arctan, Boxcar, Sigmoid, SuperSpike, Surrogate, Triangle
from neurosim.nn.synapses.blur import BlurredDelayLinear, BlurSide
from neurosim.nn.synapses.convolution import Conv1d, Conv2d
from neurosim.nn.synapses.dcls import DclsLinear, DclsShape
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.synapses.delayed import DelayGrid
from neurosim.nn.synapses.dropout import Dropout
from neurosim.nn.synapses.linear import Linear, Synapses
from neurosim.nn.synapses.neuron_delays import AxonalDelayLinear, DendriticDelayLinear
from neurosim.nn.synapses.normalisation import BatchNorm
from neurosim.nn.synapses.pooling import AveragePool, MaxPool, SumPool
from neurosim.nn.synapses.sparse import Growth, SparseDelayLinear, SparseLinear, prune_, rewire_
from neurosim.nn.synapses.transform import Transform
from neurosim.nn.to_network import to_network
from neurosim.nn.training.annealing import AnnealSigma
from neurosim.nn.training.batches import BatchLoader, batch_order, batch_tensor, batches, hold_out
from neurosim.nn.training.chunks import Borders, Chunks, chunked_step
from neurosim.nn.training.early_stopping import EarlyStopping, Monitor
from neurosim.nn.training.evaluate import Evaluation, accuracy, evaluate, spike_counts
from neurosim.nn.training.fit import fit
from neurosim.nn.training.history import Epoch
from neurosim.nn.training.losses import (
    FirstSpikeCrossEntropy,
    LossSum,
    MembraneCrossEntropy,
    OverTime,
    RateMSE,
    ReadoutLoss,
    SoftmaxSumCrossEntropy,
    SpikeCountCrossEntropy,
    VanRossumDistance,
)
from neurosim.nn.training.optimiser import adam
from neurosim.nn.training.parameter_groups import ParameterKind, parameter_groups
from neurosim.nn.training.progress import TrainingProgress
from neurosim.nn.training.ranks import Ranks, data_parallel, ranks
from neurosim.nn.training.regularisers import LowerRate, Penalty, TotalSpikes, UpperRate
from neurosim.nn.training.run_record import fingerprint, run_record
from neurosim.nn.training.schedules import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Schedule,
    StepDecay,
    Stepped,
    WarmUp,
)
from neurosim.nn.training.step import after_update, before_update, training_step

__all__ = [
    "LIF",
    "AdaptiveLIF",
    "AnnealSigma",
    "Arctan",
    "AveragePool",
    "AxonalDelayLinear",
    "BatchLoader",
    "BatchNorm",
    "BlurSide",
    "BlurredDelayLinear",
    "Borders",
    "Boxcar",
    "Chunks",
    "Constant",
    "Conv1d",
    "Conv2d",
    "Cosine",
    "CurrentLIF",
    "DclsLinear",
    "DclsShape",
    "DelayGrid",
    "DelayLinear",
    "DendriticDelayLinear",
    "DeviceRules",
    "Dropout",
    "EarlyStopping",
    "Epoch",
    "Evaluation",
    "Exponential",
    "FirstSpikeCrossEntropy",
    "Growth",
    "Held",
    "IntegrateAndFire",
    "LeakyIntegrator",
    "Linear",
    "LossSum",
    "LowerRate",
    "MaxPool",
    "MembraneCrossEntropy",
    "Monitor",
    "NeuronQuantiser",
    "Neurons",
    "NoiseModel",
    "OneCycle",
    "OverTime",
    "ParameterKind",
    "Penalty",
    "Quantiser",
    "Ranks",
    "RateMSE",
    "ReadoutLoss",
    "Recurrent",
    "RecurrentState",
    "Schedule",
    "Sequential",
    "Sigmoid",
    "SoftmaxSumCrossEntropy",
    "SparseDelayLinear",
    "SparseLinear",
    "SpikeCountCrossEntropy",
    "StepDecay",
    "Stepped",
    "SumPool",
    "SuperSpike",
    "Surrogate",
    "Synapses",
    "TotalSpikes",
    "TrainingProgress",
    "Transform",
    "Triangle",
    "UpperRate",
    "VanRossumDistance",
    "WarmUp",
    "accuracy",
    "adam",
    "after_update",
    "batch_order",
    "batch_tensor",
    "batches",
    "before_update",
    "chunked_step",
    "data_parallel",
    "detached",
    "evaluate",
    "fingerprint",
    "fit",
    "fold_normalisation",
    "from_network",
    "hold_out",
    "neuron_layer",
    "parameter_groups",
    "prune_",
    "quantise",
    "ranks",
    "rewire_",
    "run_record",
    "spike_counts",
    "straight_through",
    "to_network",
    "training_step",
]
