"""Values whose gradient is that of something else: how rounding lets learning through.

Source: Y. Bengio, N. Leonard, A. Courville, "Estimating or propagating gradients through stochastic neurons for
conditional computation", arXiv:1308.3432 (2013).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["straight_through"]


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def straight_through(x: Tensor, value: Tensor) -> Tensor:
    """``value``, exactly, with the gradient going to ``x`` of the same shape."""
    apply: Any = _StraightThrough.apply
    out: Tensor = apply(x, value)
    return out
