"""Learnable delays by dilated convolutions with learnable spacings (DCLS)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import torch
from torch import Tensor

from neurosim.nn.ops.delays import delayed_linear
from neurosim.nn.ops.kernel_linear import kernel_linear
from neurosim.nn.synapses.delayed import DelayedSynapses

__all__ = ["DclsLinear", "DclsShape", "dcls_kernel"]


class DclsShape(Enum):
    """Shape of a synapse's kernel around its delay."""

    GAUSSIAN = "gauss"
    """standard deviation |sigma| + 0.27"""
    TRIANGLE = "max"
    """half width |sigma| + 1, so two taps for sigma = 0"""


def dcls_kernel(
    weight: Tensor, delay: Tensor, length: int, sigma: float, shape: DclsShape = DclsShape.GAUSSIAN
) -> Tensor:
    """The kernels ``[n_pre, length, n_post]`` of synapses with weights and delays ``[n_post, n_pre]``.

    Each is normalised over the steps within the range: cut off and scaled up at its ends.
    """
    taps = torch.arange(length, dtype=weight.dtype, device=weight.device)
    distance = taps[:, None] - delay.T[:, None, :]
    if shape is DclsShape.GAUSSIAN:
        x = torch.exp(-0.5 * (distance / (abs(sigma) + 0.27)) ** 2)
    else:
        x = torch.relu(abs(sigma) + 1.0 - distance.abs())
    return x / (x.sum(1, keepdim=True) + 1e-7) * weight.T[:, None, :]


class DclsLinear(DelayedSynapses):
    """All-to-all synapses with a learnable weight and a kernel around a learnable delay each.

    In training it computes what ``Dcls1d`` of the DCLS package does with one kernel element (Khalfaoui-Hassani et al.,
    ICLR 2023; Hammouamri et al., ICLR 2024), for inputs padded with ``max_delay_steps`` zeros before: with D =
    ``max_delay_steps + 1`` taps, its position P is a delay of D - 1 - D // 2 - P. In evaluation delays are whole,
    floor(d + 1/2), as Hammouamri et al. evaluate. The cost grows with ``max_delay_steps``;
    that of `DelayLinear` and `BlurredDelayLinear` does not.

    Args:
        sigma: width to start with, in steps; None: half of the taps. Lower it over the training, for instance with
            `nn.AnnealSigma`.
        shape: the kernels' shape.
        options: see `DelayedSynapses`.

    Attributes:
        weight, delay: parameters ``[n_out, n_in]``; delays in steps.
        sigma: width of the kernels, in steps.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        max_delay_steps: int,
        *,
        sigma: float | None = None,
        shape: DclsShape = DclsShape.GAUSSIAN,
        **options: Any,
    ) -> None:
        super().__init__(n_in, n_out, max_delay_steps, **options)
        self.sigma = float((max_delay_steps + 1) // 2 if sigma is None else sigma)
        self.shape = DclsShape(shape)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{super().extra_repr()}, shape={self.shape}"

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is the last ``max_delay_steps`` inputs."""
        self._check(x)
        inputs, known, after = self._with_past(x, state, self.max_delay_steps)
        weight, delay, longest = self.effective_weight(), self._learnt(), self.max_delay_steps
        if self.training:
            kernel = dcls_kernel(weight, delay, longest + 1, self.sigma, self.shape)
            return kernel_linear(inputs, kernel, skip=known), after
        return delayed_linear(inputs, weight, delay, longest, skip=known, whole=True), after
