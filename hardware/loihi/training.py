"""Weights of the chip while training: a quantiser for the layers of ``neurosim.nn``. Needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurosim.hardware.loihi.quantise import Signs

__all__ = ["WeightQuantiser"]


@dataclass(frozen=True, kw_only=True)
class WeightQuantiser:
    """Rounds weights as compiling for `Loihi1` or `Loihi2` does, the largest using the full width.

    The gradient passes straight through. Implements ``neurosim.nn.protocols.Quantiser``.

    Attributes:
        signs: `Signs.MIXED` keeps even weights, `Signs.SPLIT` a magnitude of 8 bits for each sign.
    """

    signs: Signs = Signs.SPLIT

    def __call__(self, weight: Tensor) -> Tensor:
        """``weight`` of any shape to the same shape on the grid of the chip."""
        largest = weight.detach().abs().max()
        if not bool(largest > 0):
            return weight
        mixed = self.signs is Signs.MIXED and bool((weight < 0).any()) and bool((weight > 0).any())
        step = largest * (2.0 / 254.0 if mixed else 1.0 / 255.0)
        rounded = torch.round(weight.detach() / step) * step
        return weight + (rounded - weight.detach())
