"""Neurons with an adaptive threshold, over time, on a GPU; the equations are in `neurosim.nn.cpu.adaptive`.

Threads and memory as in `neurosim.nn.gpu.membrane`. Not timed on a GPU yet.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.adaptive import DECAY_THETA, JUMP, ROWS
from neurosim.nn.cpu.membrane import BELOW, DECAY, DRIVE, FIRED, HELD, RESET, THRESHOLD, V_REST
from neurosim.nn.cpu.surrogate import GIVEN
from neurosim.nn.gpu.membrane import BLOCK, DROP, KEEP
from neurosim.nn.gpu.surrogate import derivative
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule
from neurosim.nn.surrogate import Surrogate, kernel_of

__all__ = ["adaptive"]

_DECAY, _V_REST, _DRIVE, _THRESHOLD, _RESET, _DECAY_THETA, _JUMP = (
    tl.constexpr(k) for k in (DECAY, V_REST, DRIVE, THRESHOLD, RESET, DECAY_THETA, JUMP)
)
_BELOW, _FIRED, _HELD = (tl.constexpr(k) for k in (BELOW, FIRED, HELD))
_GIVEN = tl.constexpr(GIVEN)


@triton.jit
def _forward(
    x, v0, theta0, held0, table, refractory, spikes, before, limit, phase, v1, theta1, held1,
    steps, columns, n,
    SUBTRACT: tl.constexpr, EXCEEDED: tl.constexpr, HELD_INPUT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """x, spikes, before, limit, phase [T, columns]; states [columns]; table [ROWS, n], refractory [n]."""
    k = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = k < columns
    j = k % n
    decay = tl.load(table + _DECAY * n + j, mask=inside)
    rest = tl.load(table + _V_REST * n + j, mask=inside)
    drive = tl.load(table + _DRIVE * n + j, mask=inside)
    threshold = tl.load(table + _THRESHOLD * n + j, mask=inside)
    reset = tl.load(table + _RESET * n + j, mask=inside)
    decay_theta = tl.load(table + _DECAY_THETA * n + j, mask=inside)
    rise = tl.load(table + _JUMP * n + j, mask=inside)
    hold = tl.load(refractory + j, mask=inside)
    v = tl.load(v0 + k, mask=inside)
    theta = tl.load(theta0 + k, mask=inside)
    left = tl.load(held0 + k, mask=inside)
    for t in range(steps):
        here = t * columns + k
        jump = tl.load(x + here, mask=inside)
        u = rest + decay * (v - rest) + drive + jump
        held = left > 0
        if HELD_INPUT == DROP:
            u = tl.where(held, v, u)
        elif HELD_INPUT == KEEP:
            u = tl.where(held, v + jump, u)
        theta = decay_theta * theta
        highest = threshold + theta
        if EXCEEDED:
            fired = (u > highest) & (left <= 0)
        else:
            fired = (u >= highest) & (left <= 0)
        tl.store(before + here, u, mask=inside)
        tl.store(limit + here, highest, mask=inside)
        tl.store(
            phase + here, tl.where(fired, _FIRED, tl.where(held, _HELD, _BELOW)).to(tl.uint8), mask=inside
        )
        tl.store(spikes + here, tl.where(fired, 1.0, 0.0).to(u.dtype), mask=inside)
        if SUBTRACT:
            v = tl.where(fired, u - highest, u)
        else:
            v = tl.where(fired, reset, u)
        theta = tl.where(fired, theta + rise, theta)
        left = tl.where(fired, hold, tl.where(held, left - 1, left))
    tl.store(v1 + k, v, mask=inside)
    tl.store(theta1 + k, theta, mask=inside)
    tl.store(held1 + k, left, mask=inside)


@triton.jit
def _backward(
    grad_out, given, before, limit, phase, v0, theta0, table, grad_v1, grad_theta1, numbers,
    grad_x, grad_v0, grad_theta0, grad_table,
    steps, columns, n,
    SUBTRACT: tl.constexpr, HELD_INPUT: tl.constexpr, THROUGH_RESET: tl.constexpr, CODE: tl.constexpr,
    LEARN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """From the last step to the first; grad_table [ROWS, columns] is to be summed over samples."""
    k = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = k < columns
    j = k % n
    decay = tl.load(table + _DECAY * n + j, mask=inside)
    rest = tl.load(table + _V_REST * n + j, mask=inside)
    threshold = tl.load(table + _THRESHOLD * n + j, mask=inside)
    reset = tl.load(table + _RESET * n + j, mask=inside)
    decay_theta = tl.load(table + _DECAY_THETA * n + j, mask=inside)
    rise = tl.load(table + _JUMP * n + j, mask=inside)
    g_v = tl.load(grad_v1 + k, mask=inside)
    g_theta = tl.load(grad_theta1 + k, mask=inside)
    none = g_v * 0
    first, second = tl.load(numbers), tl.load(numbers + 1)
    d_decay, d_rest, d_drive, d_threshold, d_reset, d_theta, d_rise = none, none, none, none, none, none, none
    for back in range(steps):
        here = (steps - 1 - back) * columns + k
        u = tl.load(before + here, mask=inside)
        highest = tl.load(limit + here, mask=inside)
        state = tl.load(phase + here, mask=inside, other=0)
        fired, held = state == _FIRED, state == _HELD
        if CODE == _GIVEN:
            pseudo = tl.load(given + here, mask=inside)
        else:
            pseudo = derivative(u - highest, first, second, CODE)
        g_s = tl.load(grad_out + here, mask=inside) + g_theta * rise
        if THROUGH_RESET:
            if SUBTRACT:
                g_s -= g_v * highest
            else:
                g_s += g_v * (reset - u)
        spike = tl.where(held, none, g_s * pseudo)
        if SUBTRACT:
            to_u = spike + g_v
            to_limit = -spike - tl.where(fired, g_v, none)
        else:
            to_u = spike + tl.where(fired, none, g_v)
            to_limit = -spike
        leaks = ~held
        jumps = ~held
        if HELD_INPUT == KEEP:
            jumps = inside
        elif HELD_INPUT != DROP:
            leaks = inside
            jumps = inside
        tl.store(grad_x + here, tl.where(jumps, to_u, none), mask=inside)
        if LEARN:
            if back == steps - 1:
                v_before = tl.load(v0 + k, mask=inside)
                theta_before = tl.load(theta0 + k, mask=inside)
            else:
                v_before = tl.load(before + here - columns, mask=inside)
                limit_before = tl.load(limit + here - columns, mask=inside)
                fired_before = tl.load(phase + here - columns, mask=inside) == _FIRED
                theta_before = limit_before - threshold + tl.where(fired_before, rise, none)
                if SUBTRACT:
                    v_before = tl.where(fired_before, v_before - limit_before, v_before)
                else:
                    v_before = tl.where(fired_before, reset, v_before)
            leak = tl.where(leaks, to_u, none)
            d_decay += leak * (v_before - rest)
            d_rest += leak * (1.0 - decay)
            d_drive += leak
            d_threshold += to_limit
            if not SUBTRACT:
                d_reset += tl.where(fired, g_v, none)
            d_theta += (g_theta + to_limit) * theta_before
            d_rise += tl.where(fired, g_theta, none)
        g_theta = decay_theta * (g_theta + to_limit)
        g_v = tl.where(leaks, decay * to_u, to_u)
    tl.store(grad_v0 + k, g_v, mask=inside)
    tl.store(grad_theta0 + k, g_theta, mask=inside)
    if LEARN:
        tl.store(grad_table + _DECAY * columns + k, d_decay, mask=inside)
        tl.store(grad_table + _V_REST * columns + k, d_rest, mask=inside)
        tl.store(grad_table + _DRIVE * columns + k, d_drive, mask=inside)
        tl.store(grad_table + _THRESHOLD * columns + k, d_threshold, mask=inside)
        tl.store(grad_table + _RESET * columns + k, d_reset, mask=inside)
        tl.store(grad_table + _DECAY_THETA * columns + k, d_theta, mask=inside)
        tl.store(grad_table + _JUMP * columns + k, d_rise, mask=inside)


class _Adaptive(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, theta: Tensor, held: Tensor, table: Tensor, rule: MembraneRule,
        surrogate: Surrogate, detach: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, samples, n = x.shape
        x, table = x.contiguous(), table.contiguous()
        spikes, before, limit = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
        phase = torch.empty_like(x, dtype=torch.uint8)
        after = [torch.empty_like(state) for state in (v, theta, held)]
        if x.numel():
            kernel: Any = _forward[(triton.cdiv(samples * n, BLOCK),)]
            kernel(
                x, v, theta, held, table, torch.from_numpy(rule.refractory).to(x.device), spikes, before, limit, phase,
                *after, steps, samples * n, n,
                SUBTRACT=rule.subtract, EXCEEDED=rule.exceeded, HELD_INPUT=int(rule.held_input), BLOCK=BLOCK,
            )  # fmt: skip
        else:
            after = [v.clone(), theta.clone(), held.clone()]
        ctx.rule, ctx.surrogate, ctx.through_reset = rule, surrogate, not detach
        ctx.save_for_backward(before, limit, phase, v, theta, table)
        ctx.mark_non_differentiable(after[2])
        return spikes, *after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        before, limit, phase, v, theta, table = ctx.saved_tensors
        steps, samples, n = before.shape
        rule, learns, kernel = ctx.rule, ctx.needs_input_grad[4], kernel_of(ctx.surrogate)
        given = ctx.surrogate.derivative(before - limit).contiguous() if kernel.code == GIVEN else before
        # as a tensor: a number would be passed in single precision
        numbers = table.new_tensor([kernel.first, kernel.second])
        grad_v, grad_theta = grads[1].contiguous(), grads[2].contiguous()
        grad_x, grad_v0, grad_theta0 = torch.empty_like(before), grad_v.clone(), grad_theta.clone()
        grad_table = before.new_zeros((ROWS, samples, n) if learns else 0)
        if before.numel():
            launch: Any = _backward[(triton.cdiv(samples * n, BLOCK),)]
            launch(
                grads[0].contiguous(), given, before, limit, phase, v, theta, table, grad_v, grad_theta, numbers,
                grad_x, grad_v0, grad_theta0, grad_table, steps, samples * n, n,
                SUBTRACT=rule.subtract, HELD_INPUT=int(rule.held_input), THROUGH_RESET=ctx.through_reset,
                CODE=kernel.code, LEARN=learns, BLOCK=BLOCK,
            )  # fmt: skip
        return grad_x, grad_v0, grad_theta0, None, grad_table.sum(1) if learns else None, None, None, None


def adaptive(
    x: Tensor, state: AdaptiveState, table: Tensor, rule: MembraneRule, surrogate: Surrogate,
    *, detach_reset: bool = True,
) -> tuple[Tensor, AdaptiveState]:  # fmt: skip
    """What `neurosim.nn.ops.adaptive.adaptive` computes, for tensors that Triton can reach."""
    v, theta, held = state
    held = torch.zeros_like(v, dtype=torch.int32) if held is None else held
    parts = (part.contiguous() for part in (v, theta, held))
    apply: Any = _Adaptive.apply
    out, v, theta, held = apply(x, *parts, table, rule, surrogate, detach_reset)
    return out, AdaptiveState(v, theta, held if rule.holds else None)
