"""Synapses with a kernel over time each: by spikes where they are few, lag by lag as matrix products where many."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.kernel_linear import collect_kernels, push_kernels
from neurosim.nn.ops.delays import SortedSpikes
from neurosim.nn.ops.events import Events, events_of
from neurosim.nn.ops.layout import sample_major, time_major
from neurosim.nn.ops.threads import for_range

__all__ = ["DENSE_ABOVE", "kernel_linear"]

DENSE_ABOVE = 0.25
"""Share of non-zero inputs above which matrix products win (one core with AVX-512)."""


class _KernelLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, events: Events | None, skip: int) -> Tensor:
        steps, samples, length = x.shape[0], x.shape[1], kernel.shape[1]
        k = kernel.detach().contiguous()
        out = np.zeros((samples, steps - skip, kernel.shape[2]), k.numpy().dtype)
        spikes = None
        if events is not None:
            spikes = SortedSpikes.of(events, out.dtype)
            for_range(push_kernels, samples, *spikes, k.numpy(), skip, out)
        else:
            arrivals, xs = torch.from_numpy(out), x.detach().transpose(0, 1)
            for n in range(min(length, steps)):
                first = max(n, skip)  # the first step with an input n steps before that is asked for
                arrivals[:, first - skip :] += xs[:, first - n : steps - n] @ k[:, n]
        ctx.save_for_backward(x if events is None else x.new_empty(0), k)
        ctx.spikes, ctx.shape, ctx.skip = spikes, x.shape, skip
        return time_major(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        (steps, samples, n_pre), skip, length = ctx.shape, ctx.skip, kernel.shape[1]
        grad = sample_major(grads[0])
        g, xs = torch.from_numpy(grad), x.transpose(0, 1) if ctx.spikes is None else None
        grad_x = grad_kernel = None
        if ctx.needs_input_grad[1]:
            grad_kernel = torch.zeros_like(kernel)
            if ctx.spikes is not None:
                for_range(collect_kernels, n_pre, *ctx.spikes, grad, skip, grad_kernel.numpy())
        if ctx.needs_input_grad[0]:
            grad_x = g.new_zeros(samples, steps, n_pre)
        for n in range(min(length, steps)):
            first = max(n, skip)
            later = g[:, first - skip :]
            if grad_x is not None:
                grad_x[:, first - n : steps - n] += later @ kernel[:, n].T
            if grad_kernel is not None and xs is not None:
                grad_kernel[:, n] = torch.einsum("bti,btj->ij", xs[:, first - n : steps - n], later)
        return None if grad_x is None else grad_x.transpose(0, 1), grad_kernel, None, None


def kernel_linear(x: Tensor, kernel: Tensor, *, skip: int = 0) -> Tensor:
    """``I[t, b, j] = sum over i, n of kernel[i, n, j] x[t - n, b, i]`` for t >= skip, x ``[T, B, n_pre]``.

    Args:
        kernel: ``[n_pre, D, n_post]``.
    """
    apply: Any = _KernelLinear.apply
    out: Tensor = apply(x, kernel, events_of(x, DENSE_ABOVE), skip)
    return out
