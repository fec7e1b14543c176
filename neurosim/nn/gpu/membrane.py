"""Neurons that are linear between spikes, over time, on a GPU; the equations are in `neurosim.nn.cpu.membrane`.

A thread owns a neuron of a sample and walks through the steps with its state in registers; tensors are time-major in
memory, so that threads next to each other read numbers next to each other. Not timed on a GPU yet.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.cpu.membrane import (
    BELOW,
    DECAY,
    DECAY_SYNAPSE,
    DRIVE,
    FIRED,
    GAIN,
    HELD,
    RESET,
    ROWS,
    THRESHOLD,
    V_REST,
)  # fmt: skip
from neurosim.nn.cpu.surrogate import GIVEN
from neurosim.nn.gpu.surrogate import derivative
from neurosim.nn.membrane_rule import MembraneRule, MembraneState
from neurosim.nn.surrogate import Surrogate, kernel_of

__all__ = ["membrane"]

BLOCK = 128
"""Neurons (of all samples) that a program handles."""

DROP, KEEP = tl.constexpr(int(RefractoryInput.DROP)), tl.constexpr(int(RefractoryInput.KEEP))
_DECAY, _V_REST, _DRIVE, _THRESHOLD, _RESET, _DECAY_SYNAPSE, _GAIN = (
    tl.constexpr(k) for k in (DECAY, V_REST, DRIVE, THRESHOLD, RESET, DECAY_SYNAPSE, GAIN)
)
_BELOW, _FIRED, _HELD = (tl.constexpr(k) for k in (BELOW, FIRED, HELD))
_GIVEN = tl.constexpr(GIVEN)


@triton.jit
def _forward(
    x, v0, i0, held0, table, refractory, spikes, before, phase, current, v1, i1, held1,
    steps, columns, n,
    SUBTRACT: tl.constexpr, EXCEEDED: tl.constexpr, HELD_INPUT: tl.constexpr, LEARN: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """x, spikes, before, phase, current [T, columns]; states [columns]; table [ROWS, n], refractory [n]."""
    k = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = k < columns
    j = k % n
    decay = tl.load(table + _DECAY * n + j, mask=inside)
    rest = tl.load(table + _V_REST * n + j, mask=inside)
    drive = tl.load(table + _DRIVE * n + j, mask=inside)
    threshold = tl.load(table + _THRESHOLD * n + j, mask=inside)
    reset = tl.load(table + _RESET * n + j, mask=inside)
    decay_synapse = tl.load(table + _DECAY_SYNAPSE * n + j, mask=inside)
    gain = tl.load(table + _GAIN * n + j, mask=inside)
    hold = tl.load(refractory + j, mask=inside)
    v = tl.load(v0 + k, mask=inside)
    i = tl.load(i0 + k, mask=inside)
    left = tl.load(held0 + k, mask=inside)
    for t in range(steps):
        here = t * columns + k
        i = decay_synapse * i + tl.load(x + here, mask=inside)
        if LEARN:
            tl.store(current + here, i, mask=inside)
        jump = gain * i
        u = rest + decay * (v - rest) + drive + jump
        held = left > 0
        if HELD_INPUT == DROP:
            u = tl.where(held, v, u)
        elif HELD_INPUT == KEEP:
            u = tl.where(held, v + jump, u)
        if EXCEEDED:
            fired = (u > threshold) & (left <= 0)
        else:
            fired = (u >= threshold) & (left <= 0)
        tl.store(before + here, u, mask=inside)
        tl.store(
            phase + here, tl.where(fired, _FIRED, tl.where(held, _HELD, _BELOW)).to(tl.uint8), mask=inside
        )
        tl.store(spikes + here, tl.where(fired, 1.0, 0.0).to(u.dtype), mask=inside)
        if SUBTRACT:
            v = tl.where(fired, u + reset, u)
        else:
            v = tl.where(fired, reset, u)
        left = tl.where(fired, hold, tl.where(held, left - 1, left))
    tl.store(v1 + k, v, mask=inside)
    tl.store(i1 + k, i, mask=inside)
    tl.store(held1 + k, left, mask=inside)


@triton.jit
def _backward(
    grad_out, given, before, phase, current, v0, i0, table, grad_v1, grad_i1, numbers,
    grad_x, grad_v0, grad_i0, grad_table,
    steps, columns, n,
    SPIKING: tl.constexpr, SUBTRACT: tl.constexpr, HELD_INPUT: tl.constexpr, THROUGH_RESET: tl.constexpr,
    CODE: tl.constexpr, LEARN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """From the last step to the first; grad_table [ROWS, columns] is to be summed over samples."""
    k = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = k < columns
    j = k % n
    decay = tl.load(table + _DECAY * n + j, mask=inside)
    rest = tl.load(table + _V_REST * n + j, mask=inside)
    threshold = tl.load(table + _THRESHOLD * n + j, mask=inside)
    reset = tl.load(table + _RESET * n + j, mask=inside)
    decay_synapse = tl.load(table + _DECAY_SYNAPSE * n + j, mask=inside)
    gain = tl.load(table + _GAIN * n + j, mask=inside)
    g_v = tl.load(grad_v1 + k, mask=inside)
    g_i = tl.load(grad_i1 + k, mask=inside)
    none = g_v * 0
    first, second = tl.load(numbers), tl.load(numbers + 1)
    d_decay, d_rest, d_drive, d_threshold, d_reset, d_synapse, d_gain = (
        none,
        none,
        none,
        none,
        none,
        none,
        none,
    )
    for back in range(steps):
        here = (steps - 1 - back) * columns + k
        u = tl.load(before + here, mask=inside)
        state = tl.load(phase + here, mask=inside, other=0)
        fired, held = state == _FIRED, state == _HELD
        g_s = tl.load(grad_out + here, mask=inside)
        if SPIKING:
            if CODE == _GIVEN:
                pseudo = tl.load(given + here, mask=inside)
            else:
                pseudo = derivative(u - threshold, first, second, CODE)
            if THROUGH_RESET:
                if SUBTRACT:
                    g_s += g_v * reset
                else:
                    g_s += g_v * (reset - u)
            spike = tl.where(held, none, g_s * pseudo)
            if SUBTRACT:
                to_u = spike + g_v
            else:
                to_u = spike + tl.where(fired, none, g_v)
        else:
            spike = none
            to_u = g_s + g_v
        leaks = ~held
        jumps = ~held
        if HELD_INPUT == KEEP:
            jumps = inside
        elif HELD_INPUT != DROP:
            leaks = inside
            jumps = inside
        to_jump = tl.where(jumps, to_u, none)
        if LEARN:
            i_now = tl.load(current + here, mask=inside)
            if back == steps - 1:
                v_before = tl.load(v0 + k, mask=inside)
                i_before = tl.load(i0 + k, mask=inside)
            else:
                i_before = tl.load(current + here - columns, mask=inside)
                v_before = tl.load(before + here - columns, mask=inside)
                fired_before = tl.load(phase + here - columns, mask=inside) == _FIRED
                if SUBTRACT:
                    v_before = tl.where(fired_before, v_before + reset, v_before)
                else:
                    v_before = tl.where(fired_before, reset, v_before)
            leak = tl.where(leaks, to_u, none)
            d_decay += leak * (v_before - rest)
            d_rest += leak * (1.0 - decay)
            d_drive += leak
            d_threshold -= spike
            d_reset += tl.where(fired, g_v, none)
        g_i += gain * to_jump
        tl.store(grad_x + here, g_i, mask=inside)
        if LEARN:
            d_synapse += g_i * i_before
            d_gain += to_jump * i_now
        g_i = decay_synapse * g_i
        g_v = tl.where(leaks, decay * to_u, to_u)
    tl.store(grad_v0 + k, g_v, mask=inside)
    tl.store(grad_i0 + k, g_i, mask=inside)
    if LEARN:
        tl.store(grad_table + _DECAY * columns + k, d_decay, mask=inside)
        tl.store(grad_table + _V_REST * columns + k, d_rest, mask=inside)
        tl.store(grad_table + _DRIVE * columns + k, d_drive, mask=inside)
        tl.store(grad_table + _THRESHOLD * columns + k, d_threshold, mask=inside)
        tl.store(grad_table + _RESET * columns + k, d_reset, mask=inside)
        tl.store(grad_table + _DECAY_SYNAPSE * columns + k, d_synapse, mask=inside)
        tl.store(grad_table + _GAIN * columns + k, d_gain, mask=inside)


class _Membrane(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, i: Tensor, held: Tensor, table: Tensor, rule: MembraneRule,
        surrogate: Surrogate, detach: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, samples, n = x.shape
        learns = ctx.needs_input_grad[4]
        x, table = x.contiguous(), table.contiguous()
        spikes, before, phase = (
            torch.empty_like(x),
            torch.empty_like(x),
            torch.empty_like(x, dtype=torch.uint8),
        )
        current = torch.empty_like(x) if learns else x.new_empty(0)
        after = [torch.empty_like(state) for state in (v, i, held)]
        if x.numel():
            kernel: Any = _forward[(triton.cdiv(samples * n, BLOCK),)]
            kernel(
                x, v, i, held, table, torch.from_numpy(rule.refractory).to(x.device), spikes, before, phase, current,
                *after, steps, samples * n, n,
                SUBTRACT=rule.subtract, EXCEEDED=rule.exceeded, HELD_INPUT=int(rule.held_input), LEARN=learns,
                BLOCK=BLOCK,
            )  # fmt: skip
        else:
            after = [v.clone(), i.clone(), held.clone()]
        ctx.rule, ctx.surrogate, ctx.through_reset = rule, surrogate, not detach
        ctx.save_for_backward(before, phase, current, v, i, table)
        ctx.mark_non_differentiable(after[2])
        return (spikes if rule.spiking else before.clone()), *after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        before, phase, current, v, i, table = ctx.saved_tensors
        steps, samples, n = before.shape
        rule, learns, kernel = ctx.rule, ctx.needs_input_grad[4], kernel_of(ctx.surrogate)
        given = before
        if rule.spiking and kernel.code == GIVEN:
            given = ctx.surrogate.derivative(before - table[THRESHOLD]).contiguous()
        # as a tensor: a number would be passed in single precision
        numbers = table.new_tensor([kernel.first, kernel.second])
        grad_v, grad_i = grads[1].contiguous(), grads[2].contiguous()
        grad_x, grad_v0, grad_i0 = torch.empty_like(before), grad_v.clone(), grad_i.clone()
        grad_table = before.new_zeros((ROWS, samples, n) if learns else 0)
        if before.numel():
            launch: Any = _backward[(triton.cdiv(samples * n, BLOCK),)]
            launch(
                grads[0].contiguous(), given, before, phase, current, v, i, table, grad_v, grad_i, numbers,
                grad_x, grad_v0, grad_i0, grad_table, steps, samples * n, n,
                SPIKING=rule.spiking, SUBTRACT=rule.subtract, HELD_INPUT=int(rule.held_input),
                THROUGH_RESET=ctx.through_reset, CODE=kernel.code, LEARN=learns, BLOCK=BLOCK,
            )  # fmt: skip
        return grad_x, grad_v0, grad_i0, None, grad_table.sum(1) if learns else None, None, None, None


def membrane(
    x: Tensor, state: MembraneState, table: Tensor, rule: MembraneRule, surrogate: Surrogate,
    *, detach_reset: bool = True,
) -> tuple[Tensor, MembraneState]:  # fmt: skip
    """What `neurosim.nn.ops.membrane.membrane` computes, for tensors that Triton can reach."""
    i = torch.zeros_like(state.v) if state.i is None else state.i
    held = torch.zeros_like(state.v, dtype=torch.int32) if state.held is None else state.held
    parts = (part.contiguous() for part in (state.v, i, held))
    apply: Any = _Membrane.apply
    out, v, i, held = apply(x, *parts, table, rule, surrogate, detach_reset)
    return out, MembraneState(v, i if rule.synaptic else None, held if rule.holds else None)
