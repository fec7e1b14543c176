"""The layer of neurons for a model of the description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurosim.errors import UnsupportedError
from neurosim.neurons.model import NeuronModel
from neurosim.nn.neurons.adaptive_lif import AdaptiveLIF
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.neurons.lif import LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator

__all__ = ["neuron_layer"]

LAYERS: tuple[type[Neurons], ...] = (LIF, IntegrateAndFire, CurrentLIF, LeakyIntegrator, AdaptiveLIF)


def neuron_layer(model: NeuronModel, shape: int | Sequence[int], **options: Any) -> Neurons:
    """The layer for a model of the description. Raises `UnsupportedError` where there is none."""
    for layer in LAYERS:
        if type(model) is layer.MODEL:
            return layer(model, shape, **options)
    raise UnsupportedError("no layer trains this neuron model", value=type(model).__name__)
