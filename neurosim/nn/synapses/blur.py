"""A filter over time that all synapses of a layer share: wide at first, it lets delays feel spikes far away."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import UnsupportedError
from neurosim.nn.ops.delays import delayed_linear
from neurosim.nn.synapses.delayed import DelayedSynapses, DelayGrid

__all__ = ["BlurSide", "BlurredDelayLinear", "blurred", "gaussian"]

_WIDEST = 4.0
"""Standard deviations at which the filter ends; what is left out is less than 1e-4 of it."""


class BlurSide(Enum):
    """Which steps an arrival is spread over."""

    CAUSAL = "causal"
    """its own and later ones, by one half of a Gaussian; a run can be cut"""
    BOTH = "both"
    """earlier ones too, by a Gaussian: of samples that are there as a whole, in layers without recurrence"""


def gaussian(sigma: float, side: BlurSide, dtype: torch.dtype) -> tuple[Tensor, int]:
    """The filter's values, which add up to one, and how many of them belong to earlier steps."""
    reach = math.ceil(_WIDEST * sigma)
    ahead = reach if side is BlurSide.BOTH else 0
    n = torch.arange(-ahead, reach + 1, dtype=torch.float64)
    h = torch.exp(-0.5 * (n / sigma) ** 2) if sigma > 0 else (n == 0).double()
    return (h / h.sum()).to(dtype), ahead


def blurred(x: Tensor, h: Tensor, ahead: int, block: int = 128) -> Tensor:
    """``y[t] = sum_k h[k] x[t + ahead - k]`` of ``x [T, B, n]``, which is zero outside of its steps.

    As products with blocks of the filter's matrix, one for ``block`` steps each.
    """
    steps, parts, h = len(x), [], h.to(x.device)
    if not steps:
        return x
    xs = x.transpose(0, 1)  # one matrix a sample
    behind = len(h) - 1 - ahead
    for first in range(0, steps, block):
        last = min(first + block, steps)
        low, high = max(0, first - behind), min(steps, last + ahead)
        asked, given = (torch.arange(*ends, device=x.device) for ends in ((first, last), (low, high)))
        lag = asked[:, None] + ahead - given
        matrix = torch.where((lag >= 0) & (lag < len(h)), h[lag.clamp(0, len(h) - 1)], h.new_zeros(()))
        parts.append(torch.matmul(matrix, xs[:, low:high]))
    return (parts[0] if len(parts) == 1 else torch.cat(parts, 1)).transpose(0, 1)


class BlurredDelayLinear(DelayedSynapses):
    """`DelayLinear` whose arrivals are spread in time while it trains, so that delays learn from spikes they miss.

    All synapses share one filter: it costs the same for any number of synapses and any delay, unlike a kernel for each
    of them (`DclsLinear`), from which it differs at the ends of the range and where sigma is small. Lower ``sigma``
    over the training, for instance with `nn.AnnealSigma`; in evaluation nothing is blurred.

    Args:
        sigma: standard deviation, in steps, to start with; None: half of ``max_delay_steps``.
        side: which steps an arrival is spread over.
        options: see `DelayedSynapses`.

    Attributes:
        weight, delay: parameters ``[n_out, n_in]``; delays in steps.
        sigma: the filter's standard deviation, in steps; 0: no filter.

    Raises:
        UnsupportedError: a run that is cut, while arrivals are spread over earlier steps.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        max_delay_steps: int,
        *,
        sigma: float | None = None,
        side: BlurSide = BlurSide.CAUSAL,
        minimum_delay: int = 0,
        grid: DelayGrid = DelayGrid.REAL,
        **options: Any,
    ) -> None:
        super().__init__(n_in, n_out, max_delay_steps, minimum_delay=minimum_delay, grid=grid, **options)
        self.sigma = float(max_delay_steps / 2 if sigma is None else sigma)
        self.side = BlurSide(side)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{super().extra_repr()}, side={self.side}"

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is the last inputs whose arrivals matter."""
        self._check(x)
        sigma = self.sigma if self.training else 0.0
        h, ahead = gaussian(sigma, self.side, x.dtype)
        if ahead and state is not None:
            raise UnsupportedError(
                "a run cannot be cut where arrivals are spread over earlier steps", where=type(self).__name__,
                value=self.side, remedy="Use BlurSide.CAUSAL",
            )  # fmt: skip
        behind = len(h) - 1
        inputs, known, after = self._with_past(x, state, self.max_delay_steps + behind)
        skip = max(0, known - behind)
        arrivals = delayed_linear(
            inputs, self.effective_weight(), self._learnt(), self.max_delay_steps,
            skip=skip, whole=self.grid is DelayGrid.WHOLE,
        )  # fmt: skip
        return (blurred(arrivals, h, ahead) if behind else arrivals)[known - skip :], after
