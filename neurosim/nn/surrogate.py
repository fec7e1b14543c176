"""Surrogate derivatives: the Heaviside step forward, a smooth stand-in for its derivative backward.

Each is a function of u = v - threshold, in the unit of the potential. Review: Neftci, Mostafa and Zenke,
"Surrogate gradient learning in spiking neural networks", IEEE Signal Processing Magazine 36 (2019).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.surrogate import ARCTAN, BOXCAR, GIVEN, SIGMOID, SUPER_SPIKE, TRIANGLE
from neurosim.parameters import Parameters, parameter

__all__ = [
    "Arctan",
    "Boxcar",
    "Kernel",
    "Sigmoid",
    "SuperSpike",
    "Surrogate",
    "Triangle",
    "heaviside",
    "kernel_of",
]


class Kernel(NamedTuple):
    """What a compiled kernel takes to compute a derivative itself: which function, and its numbers."""

    code: int
    first: float = 0.0
    second: float = 0.0


@runtime_checkable
class Surrogate(Protocol):
    """Anything that gives a derivative for ``u = v - threshold``, element by element."""

    def derivative(self, u: Tensor) -> Tensor:
        """The stand-in for dH/du, of the shape and dtype of ``u``."""
        ...


class Triangle(Parameters):
    """``height * max(0, 1 - |u| / width)``, zero outside |u| < width (Esser et al., PNAS 113, 2016)."""

    height: float = parameter(default=1.0, above=0.0, doc="derivative at the threshold")
    width: float = parameter(default=1.0, unit="v", above=0.0, doc="where it reaches zero")

    def derivative(self, u: Tensor) -> Tensor:
        """The stand-in for dH/du."""
        return u.abs().mul_(-self.height / self.width).add_(self.height).clamp_(min=0.0)

    @property
    def kernel(self) -> Kernel:
        """The same for a compiled kernel."""
        return Kernel(TRIANGLE, self.height, self.height / self.width)


class Boxcar(Parameters):
    """``1 / width`` where |u| < width / 2, else zero (Wu et al., Frontiers in Neuroscience 12, 2018)."""

    width: float = parameter(default=1.0, unit="v", above=0.0, doc="full width; the area is one")

    def derivative(self, u: Tensor) -> Tensor:
        """The stand-in for dH/du."""
        return (u.abs() < self.width / 2).to(u.dtype).mul_(1.0 / self.width)

    @property
    def kernel(self) -> Kernel:
        """The same for a compiled kernel."""
        return Kernel(BOXCAR, self.width / 2, 1.0 / self.width)


class Arctan(Parameters):
    """``(alpha / 2) / (1 + (pi alpha u / 2)^2)`` (Fang et al., ICCV 2021)."""

    alpha: float = parameter(
        default=2.0, above=0.0, doc="sharpness; the derivative at the threshold is alpha / 2"
    )

    def derivative(self, u: Tensor) -> Tensor:
        """The stand-in for dH/du."""
        return (u * (math.pi * self.alpha / 2)).square_().add_(1.0).reciprocal_().mul_(self.alpha / 2)

    @property
    def kernel(self) -> Kernel:
        """The same for a compiled kernel."""
        return Kernel(ARCTAN, math.pi * self.alpha / 2, self.alpha / 2)


class Sigmoid(Parameters):
    """``alpha s (1 - s)`` with s = 1 / (1 + exp(-alpha u))."""

    alpha: float = parameter(
        default=4.0, above=0.0, doc="sharpness; the derivative at the threshold is alpha / 4"
    )

    def derivative(self, u: Tensor) -> Tensor:
        """The stand-in for dH/du."""
        s = torch.sigmoid(u * self.alpha)
        return s * (1.0 - s) * self.alpha

    @property
    def kernel(self) -> Kernel:
        """The same for a compiled kernel."""
        return Kernel(SIGMOID, self.alpha)


class SuperSpike(Parameters):
    """``1 / (1 + beta |u|)^2`` (Zenke and Ganguli, Neural Computation 30, 2018); one at the threshold."""

    beta: float = parameter(default=10.0, above=0.0, doc="sharpness")

    def derivative(self, u: Tensor) -> Tensor:
        """The stand-in for dH/du."""
        return u.abs().mul_(self.beta).add_(1.0).square_().reciprocal_()

    @property
    def kernel(self) -> Kernel:
        """The same for a compiled kernel."""
        return Kernel(SUPER_SPIKE, self.beta)


def kernel_of(surrogate: Surrogate) -> Kernel:
    """How a kernel computes the derivative: by itself for the classes above, else from an array that it is given."""
    if type(surrogate) in (Triangle, Boxcar, Arctan, Sigmoid, SuperSpike):
        found: Kernel = surrogate.kernel  # type: ignore[attr-defined]
        return found
    return Kernel(GIVEN)


class _Heaviside(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: Surrogate, exceeded: bool) -> Tensor:
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return (u > 0 if exceeded else u >= 0).to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        return grads[0] * ctx.surrogate.derivative(u), None, None


def heaviside(u: Tensor, surrogate: Surrogate, *, exceeded: bool = False) -> Tensor:
    """One where u >= 0 (``exceeded``: u > 0), else zero; its gradient is ``surrogate.derivative(u)``."""
    apply: Any = _Heaviside.apply
    out: Tensor = apply(u, surrogate, exceeded)
    return out
