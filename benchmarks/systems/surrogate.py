"""The spike of the plain PyTorch networks: a step forward, the derivative of a smooth one backward."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["spike_function"]


def spike_function(torch: Any, name: str) -> Callable[[Any], Any]:
    """A function of v - threshold: ``"arctan"`` with alpha 2, or ``"triangle"`` of height and width 1."""

    def arctan(u: Any) -> Any:
        return 1.0 / (1.0 + (math.pi * u).square())

    def triangle(u: Any) -> Any:
        return torch.clamp(1.0 - u.abs(), min=0.0)

    derivative = {"arctan": arctan, "triangle": triangle}[name]

    class Spike(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, u: Any) -> Any:
            ctx.save_for_backward(u)
            return (u > 0).to(u.dtype)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (u,) = ctx.saved_tensors
            return grad * derivative(u)

    function: Callable[[Any], Any] = Spike.apply
    return function
