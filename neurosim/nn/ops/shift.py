"""Signals delayed by neuron, and the exact gradients of the delays: what axons and dendrites with one delay do.

With m = floor(d) and f = d - m of neuron i, y[t] = (1 - f) x[t - m] + f x[t - m - 1]. The derivative of a delay is the
one to the right at whole delays, to the left at the longest one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.shift import shift as forward_kernel, shift_back
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.threads import for_range

__all__ = ["shift"]


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, delay: Tensor, longest: int, skip: int, whole: bool) -> Tensor:
        xs, reach = sample_major(x), max(longest, 1)
        d = np.clip(delay.detach().numpy(), 0, longest).astype(xs.dtype)
        step = np.fmin(np.floor(d), reach - 1).astype(np.int64)  # in range also if d is not a number
        share = (d - step).astype(xs.dtype)
        if whole:
            share = np.floor(share + xs.dtype.type(0.5))
        out = empty((xs.shape[0], xs.shape[1] - skip, xs.shape[2]), xs.dtype)
        for_range(forward_kernel, len(xs), xs, step, share, reach, skip, out)
        ctx.arrays, ctx.limits = (xs, step, share), (reach, skip)
        return time_major(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        xs, step, share = ctx.arrays
        grad_x, grad_delay = np.empty_like(xs), np.empty((xs.shape[0], xs.shape[2]), xs.dtype)
        grad = sample_major(grads[0])
        for_range(shift_back, len(xs), xs, step, share, *ctx.limits, grad, grad_x, grad_delay)
        return time_major(grad_x), torch.from_numpy(grad_delay.sum(0)), None, None, None


def shift(x: Tensor, delay: Tensor, longest: int, *, skip: int = 0, whole: bool = False) -> Tensor:
    """``x [T, B, n]`` delayed, without its first ``skip`` steps: ``[T - skip, B, n]``.

    Args:
        delay: ``[n]``, in steps, clamped to [0, longest].
        whole: delay by floor(d + 1/2); the gradient of d is still that of the interpolation.
    """
    apply: Any = _Shift.apply
    out: Tensor = apply(x, delay, longest, skip, whole)
    return out
