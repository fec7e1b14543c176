"""Normalisation between synapses and neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.nn.synapses.transform import checked_shape

__all__ = ["BatchNorm"]


class BatchNorm(torch.nn.Module):
    """Batch normalisation of arrivals (Ioffe and Szegedy, ICML 2015), over time as well as over the batch (Zheng et
    al., AAAI 2021).

    In training a channel is shifted and scaled by its mean and variance over all steps and samples of the call; in
    evaluation by running averages of them. Then it is y = s x + b for numbers s and b, which `to_network` folds into
    weights and the current of the neurons, exactly. In training, cutting a sequence changes the averages.

    Args:
        shape: of the population. With several axes the first is the channels, and a channel has one mean; with one
            axis every neuron is a channel.
        gain: the first scale of all channels; of the order of the threshold.
        momentum: share of the newest batch in the running averages.
        epsilon: added to variances.

    Attributes:
        scale, shift: parameters, one a channel.
        mean, variance: the running averages.
    """

    def __init__(
        self,
        shape: int | Sequence[int],
        *,
        gain: float = 1.0,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.shape = checked_shape(shape, "BatchNorm")
        if not (0 < momentum <= 1 and epsilon > 0 and math.isfinite(gain)):
            raise DescriptionError(
                "is out of range",
                where="BatchNorm",
                value={"gain": gain, "momentum": momentum, "epsilon": epsilon},
                limit="momentum in (0, 1], epsilon > 0",
            )
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.size, self.channels = math.prod(self.shape), self.shape[0]
        self.scale = torch.nn.Parameter(torch.full((self.channels,), float(gain), dtype=dtype))
        self.shift = torch.nn.Parameter(torch.zeros(self.channels, dtype=dtype))
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(self.channels, dtype=dtype))
        self.register_buffer("variance", torch.ones(self.channels, dtype=dtype))

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Arrivals ``[T, B, n]``, normalised; there is no state."""
        if not isinstance(x, Tensor):
            raise DataError("is not a tensor", where="BatchNorm", value=type(x).__name__)
        if x.ndim != 3 or x.shape[2] != self.size:
            limit = f"[T, B, {self.size}]"
            raise ShapeError(
                "arrivals have the wrong shape", where="BatchNorm", value=tuple(x.shape), limit=limit
            )
        rows = x.transpose(0, 1)
        flat = rows.reshape(-1, self.channels, self.size // self.channels)
        out = torch.nn.functional.batch_norm(
            flat, self.mean, self.variance, self.scale, self.shift, self.training, self.momentum, self.epsilon
        )
        return out.reshape(rows.shape).transpose(0, 1), None

    @torch.no_grad()
    def folded(self) -> tuple[Tensor, Tensor]:
        """s and b of y = s x + b with the running averages, float64, one a neuron ``[n]``."""
        s = self.scale.double() / (self.variance.double() + self.epsilon).sqrt()
        b = self.shift.double() - self.mean.double() * s
        each = self.size // self.channels
        return s.repeat_interleave(each), b.repeat_interleave(each)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{self.shape}, momentum={self.momentum:g}, epsilon={self.epsilon:g}"
