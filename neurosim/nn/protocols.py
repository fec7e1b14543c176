"""What a layer takes from outside to train with a device's numerics: a quantiser and a noise model."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

__all__ = ["NoiseModel", "Quantiser"]


@runtime_checkable
class Quantiser(Protocol):
    """Maps weights to the values a device can hold; the gradient passes straight through."""

    def __call__(self, weight: Tensor) -> Tensor:
        """``weight [n_out, n_in]`` to a tensor of the same shape on the device's grid."""
        ...


@runtime_checkable
class NoiseModel(Protocol):
    """Draws one device: the weights as they would come out of programming or reading it."""

    def __call__(self, weight: Tensor, *, seed: int, index: int) -> Tensor:
        """``weight [n_out, n_in]`` to noisy ones of the same shape; ``(seed, index)`` decides the draw."""
        ...
