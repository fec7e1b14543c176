"""All steps of a membrane with an adaptive threshold, in one operator with a backward pass of its own.

Conventions are those of `neurosim.nn.ops.membrane`. What a step computes, and what the rows of the table of
coefficients are, is in `neurosim.nn.cpu.adaptive`; the same in plain PyTorch is in `neurosim.nn.reference.adaptive`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.adaptive import ROWS
from neurosim.nn.cpu.adaptive_passes import adaptive_backward, adaptive_forward, adaptive_limits
from neurosim.nn.cpu.surrogate import GIVEN
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule, check_state
from neurosim.nn.ops.events import Events, attach, packed
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.threads import for_range
from neurosim.nn.surrogate import Surrogate, kernel_of

__all__ = ["adaptive"]


class _Adaptive(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, theta: Tensor, held: Tensor, table: Tensor, rule: MembraneRule,
        surrogate: Surrogate, detach: bool, events: list[Events],
    ) -> tuple[Tensor, ...]:  # fmt: skip
        xs, numbers = sample_major(x), table.detach().contiguous()
        trains, none = any(ctx.needs_input_grad), (0, 0, xs.shape[2])
        before, spikes = empty(xs.shape if trains else none, xs.dtype), empty(xs.shape, xs.dtype)
        phase = empty(xs.shape if trains and rule.holds else none, np.uint8)
        last_v, last_theta, last_held = v.detach().clone(), theta.detach().clone(), held.clone()
        row, start = np.empty(xs.shape[:2], np.int64), np.empty(len(xs), np.int64)
        neuron = empty((xs.size,), np.uint32)  # memory only where it is written
        for_range(
            adaptive_forward, len(xs), xs, last_v.numpy(), last_theta.numpy(), last_held.numpy(), numbers.numpy(),
            rule.refractory, *rule.options, before, phase, spikes, row, start, neuron,
        )  # fmt: skip
        events.append(packed(row, start, neuron, None, x.shape))
        ctx.arrays, ctx.rule, ctx.surrogate, ctx.through_reset = (before, phase), rule, surrogate, not detach
        ctx.save_for_backward(numbers, v, theta)
        ctx.mark_non_differentiable(last_held)
        return time_major(spikes), last_v, last_theta, last_held

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (before, phase), rule, learns = ctx.arrays, ctx.rule, ctx.needs_input_grad[4]
        numbers, v, theta = (a.detach().numpy() for a in ctx.saved_tensors)
        kernel, given = kernel_of(ctx.surrogate), np.empty((0, 0, before.shape[2]), numbers.dtype)
        if kernel.code == GIVEN:
            limit = np.empty_like(before)
            for_range(adaptive_limits, len(before), before, phase, theta, numbers, rule.exceeded, limit)
            distance = torch.from_numpy(before) - torch.from_numpy(limit)
            given = ctx.surrogate.derivative(distance).contiguous().numpy()
        grad_v, grad_theta = grads[1].contiguous().clone(), grads[2].contiguous().clone()
        grad_x = empty(before.shape, before.dtype)
        grad_table = np.zeros((len(before) if learns else 0, *numbers.shape), numbers.dtype)
        for_range(
            adaptive_backward, len(before), sample_major(grads[0]), before, phase, numbers, *rule.options,
            ctx.through_reset, kernel.code, numbers.dtype.type(kernel.first), numbers.dtype.type(kernel.second), given,
            grad_v.numpy(), grad_theta.numpy(), grad_x, v, theta, grad_table,
        )  # fmt: skip
        to_table = torch.from_numpy(grad_table.sum(0)) if learns else None
        return time_major(grad_x), grad_v, grad_theta, None, to_table, None, None, None, None


def adaptive(
    x: Tensor,
    state: AdaptiveState,
    table: Tensor,
    rule: MembraneRule,
    surrogate: Surrogate,
    *,
    detach_reset: bool = True,
) -> tuple[Tensor, AdaptiveState]:
    """Spikes ``[T, B, n]`` (0 or 1) for the jumps of v ``x [T, B, n]``, and the last state.

    As `neurosim.nn.ops.membrane.membrane`; gradients always pass through the spikes' effect on the threshold.
    """
    check_state(x, table, ROWS, rule.refractory, state)
    if x.is_cuda:
        from neurosim.nn.gpu.adaptive import adaptive as on_gpu

        return on_gpu(x, state, table, rule, surrogate, detach_reset=detach_reset)
    v, theta, held = state
    held = torch.zeros(v.shape, dtype=torch.int32) if held is None else held
    events: list[Events] = []
    apply: Any = _Adaptive.apply
    parts = (part.contiguous() for part in (v, theta, held))
    out, v, theta, held = apply(x, *parts, table, rule, surrogate, detach_reset, events)
    attach(out, events[0])
    return out, AdaptiveState(v, theta, held if rule.holds else None)
