"""Synapses without delays: a sum of rows of weights where spikes are few, a matrix product where they are many."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.linear import add_outer, sum_rows
from neurosim.nn.ops.events import Events, events_of
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.product import product
from neurosim.nn.ops.threads import for_range

__all__ = ["DENSE_ABOVE", "linear"]

DENSE_ABOVE = 0.2
"""Share of non-zero inputs above which the matrix product wins."""


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, events: Events) -> Tensor:
        rows = weight.detach().t().contiguous().numpy()
        steps, samples, _ = events.shape
        out = empty((samples, steps, rows.shape[1]), rows.dtype)
        spikes = events.arrays(rows.dtype)
        for_range(sum_rows, samples * steps, *spikes, rows, out.reshape(-1, rows.shape[1]))
        ctx.events = events
        ctx.save_for_backward(weight)
        return time_major(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = product(grads[0].transpose(0, 1), weight.t().contiguous()).transpose(0, 1)
        if ctx.needs_input_grad[1]:
            grad = sample_major(grads[0])
            n_post = grad.shape[2]
            total = np.zeros((weight.shape[1], n_post), grad.dtype)
            for_range(
                add_outer,
                -(-n_post // 16),
                *ctx.events.arrays(grad.dtype),
                grad.reshape(-1, n_post),
                total,
            )
            grad_weight = torch.from_numpy(total).t()
        return grad_x, grad_weight, None


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x.transpose(0, 1), weight).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad = grads[0].transpose(0, 1)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = product(grad, weight.t().contiguous()).transpose(0, 1)
        if ctx.needs_input_grad[1]:
            before = x.transpose(0, 1).reshape(-1, weight.shape[1])
            grad_weight = grad.reshape(-1, len(weight)).t() @ before
        return grad_x, grad_weight


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """Arrivals ``[T, B, n_post] = x W^T`` of spikes, counts or any other numbers ``x [T, B, n_pre]``.

    The gradients are exact whichever way it is computed; sums may differ in rounding.
    """
    if x.device.type != "cpu":
        return torch.nn.functional.linear(x.transpose(0, 1), weight).transpose(0, 1)
    events = events_of(x, DENSE_ABOVE)
    apply: Any = _Product.apply if events is None else _Linear.apply
    out: Tensor = apply(x, weight) if events is None else apply(x, weight, events)
    return out
