"""What layers take from outside to train with a device's numerics: quantisers, a noise model, a target's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurosim.neurons.model import NeuronModel

__all__ = ["DeviceRules", "Held", "NeuronQuantiser", "NoiseModel", "Quantiser"]


@runtime_checkable
class Quantiser(Protocol):
    """Maps weights to the values a device can hold; the gradient passes straight through."""

    def __call__(self, weight: Tensor) -> Tensor:
        """``weight [n_out, n_in]`` to a tensor of the same shape on the device's grid."""
        ...


@runtime_checkable
class NeuronQuantiser(Protocol):
    """Maps a neuron model to the one that a device computes with: decays, thresholds, biases on its grid."""

    def __call__(self, model: NeuronModel) -> NeuronModel:
        """A model of the same class; a layer computes with its coefficients, gradients pass straight through."""
        ...


@runtime_checkable
class NoiseModel(Protocol):
    """Draws one device: the weights as they would come out of programming or reading it."""

    def __call__(self, weight: Tensor, *, seed: int, index: int) -> Tensor:
        """``weight [n_out, n_in]`` to noisy ones of the same shape; ``(seed, index)`` decides the draw."""
        ...


class Held(NamedTuple):
    """A population as a device holds it: the model, and the weights of every layer of synapses that ends at it."""

    model: NeuronModel
    weights: tuple[NDArray[np.float64], ...]


@runtime_checkable
class DeviceRules(Protocol):
    """A target's own rules for a population and the synapses that end at it; see `neurosim.nn.quantise`.

    A target scales weights and thresholds of a population together, so neither is rounded without the other.
    """

    @property
    def minimum_delay(self) -> int:
        """Shortest delay in steps."""
        ...

    @property
    def max_delay_steps(self) -> int:
        """Longest delay in steps."""
        ...

    @property
    def noise(self) -> Any:
        """The `NoiseModel` of the target's synapses, or None: they hold what is written."""
        ...

    def held(
        self, model: NeuronModel, shape: tuple[int, ...], weights: Sequence[NDArray[np.float64]], *, dt: float
    ) -> Held:
        """What compiling makes of a population of this shape.

        Args:
            weights: ``[n_out, ...]`` each, the rows being those of a neuron (of a channel where weights are shared).
        """
        ...
