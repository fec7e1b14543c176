"""Synapses with delays through their dense kernel, differentiated by autograd."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["delayed_linear"]


def delayed_linear(x: Tensor, weight: Tensor, delay: Tensor, length: int) -> Tensor:
    """``I[t, b, o] = sum_i sum_n weight[o, i] k_n(delay[o, i]) x[t - n, b, i]`` with n < length.

    k_n(d) = max(0, 1 - |n - d|). Through the dense kernel ``[length, n_out, n_in]``, as a convolution
    over time would do it.
    """
    n = torch.arange(length, dtype=x.dtype, device=x.device)[:, None, None]
    kernel = weight * (1 - (n - delay).abs()).clamp(min=0)
    padded = torch.cat([x.new_zeros(length - 1, *x.shape[1:]), x])
    steps = len(x)
    return sum(
        (padded[length - 1 - m : length - 1 - m + steps] @ kernel[m].T for m in range(length)),
        start=x.new_zeros(steps, x.shape[1], len(weight)),
    )
