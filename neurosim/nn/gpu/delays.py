"""Synapses with a delay each on a GPU; what they compute is in `neurosim.nn.ops.delays`.

Few spikes are listed: forward, a program owns the arrivals of one sample at a block of postsynaptic neurons and walks
through the sample's spikes; for the gradients of weights and delays it owns the synapses from one neuron to such a
block and walks through that neuron's spikes. Many spikes, and the gradient of the input, go the dense way: a program
owns a block of (steps, samples) of one neuron and sums over all its synapses; samples then lie next to each other in
memory, so that threads read lines. No pass depends on the order in which programs run. Not timed on a GPU yet.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["DENSE_ABOVE", "delayed_linear"]

DENSE_ABOVE = 0.2
"""Share of non-zero inputs above which arrivals go the dense way; a guess, not measured."""
WIDTH = 128
"""Postsynaptic neurons that a program handles, spike by spike."""
TILE = (16, 32)
"""Steps and samples that a program handles the dense way."""


class Taps(NamedTuple):
    """``[n_pre, n_post]`` each: whole steps m, int32, and the weights of the taps at m and m + 1."""

    step: Tensor
    early: Tensor
    late: Tensor


@triton.jit
def _push(
    start, cell, value, step, early, late, out,
    n_pre, n_post, steps, samples,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Arrivals out [T, B, n_post] of the spikes start[b] to start[b + 1]; cell = s * n_pre + i."""
    b = tl.program_id(0)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = j < n_post
    for e in range(tl.load(start + b), tl.load(start + b + 1)):
        here, s = tl.load(cell + e), tl.load(value + e)
        t, i = here // n_pre, here % n_pre
        due = t + tl.load(step + i * n_post + j, mask=inside, other=0)
        place = out + (due * samples + b) * n_post + j
        a = tl.load(early + i * n_post + j, mask=inside, other=0.0)
        c = tl.load(late + i * n_post + j, mask=inside, other=0.0)
        # the only program with these columns; atomic so that its own additions wait for each other
        tl.atomic_add(place, s * a, mask=inside & (due < steps), sem="relaxed")
        tl.atomic_add(place + samples * n_post, s * c, mask=inside & (due + 1 < steps), sem="relaxed")


@triton.jit
def _collect(
    start, cell, value, step, grad, a0, a1,
    n_post, steps, samples,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """a0, a1 [n_pre, n_post] from the spikes start[i] to start[i + 1] of neuron i; cell = s * B + b."""
    i = tl.program_id(0)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = j < n_post
    m = tl.load(step + i * n_post + j, mask=inside, other=0)
    sum0 = tl.zeros([BLOCK], dtype=a0.dtype.element_ty)
    sum1 = tl.zeros([BLOCK], dtype=a0.dtype.element_ty)
    for e in range(tl.load(start + i), tl.load(start + i + 1)):
        here, s = tl.load(cell + e), tl.load(value + e)
        due, b = here // samples + m, here % samples
        place = grad + (due * samples + b) * n_post + j
        sum0 += s * tl.load(place, mask=inside & (due < steps), other=0.0)
        sum1 += s * tl.load(place + samples * n_post, mask=inside & (due + 1 < steps), other=0.0)
    tl.store(a0 + i * n_post + j, sum0, mask=inside)
    tl.store(a1 + i * n_post + j, sum1, mask=inside)


@triton.jit
def _sum_shifted(
    x, step, early, late, out,
    n_in, n_out, stride_in, stride_out, steps, samples,
    SIGN: tl.constexpr, TIME: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out[t, o, b] = sum over k of early x[t + SIGN m, k, b] + late x[t + SIGN (m + 1), k, b].

    x [T, n_in, B], out [T, n_out, B]; the taps of (k, o) are at k * stride_in + o * stride_out.
    """
    o = tl.program_id(0)
    t = (tl.program_id(1) * TIME + tl.arange(0, TIME))[:, None]
    b = (tl.program_id(2) * BLOCK + tl.arange(0, BLOCK))[None, :]
    inside = (t < steps) & (b < samples)
    total = tl.zeros([TIME, BLOCK], dtype=out.dtype.element_ty)
    for k in range(n_in):
        tap = k * stride_in + o * stride_out
        s = t + SIGN * tl.load(step + tap)
        s1 = s + SIGN
        here = tl.load(x + (s * n_in + k) * samples + b, mask=inside & (s >= 0) & (s < steps), other=0.0)
        next_ = tl.load(x + (s1 * n_in + k) * samples + b, mask=inside & (s1 >= 0) & (s1 < steps), other=0.0)
        total += tl.load(early + tap) * here + tl.load(late + tap) * next_
    tl.store(out + (t * n_out + o) * samples + b, total, mask=inside)


def _listed(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Non-zero entries of x [groups, cells]: where each group starts, their cells, their values."""
    group, cell = x.nonzero(as_tuple=True)
    start = torch.searchsorted(group, torch.arange(len(x) + 1, device=x.device))
    return start, cell, x[group, cell]


def _pushed(x: Tensor, taps: Taps, block: int) -> Tensor:
    steps, samples, n_pre = x.shape
    n_post = taps.step.shape[1]
    out = x.new_zeros(steps, samples, n_post)
    spikes = _listed(x.transpose(0, 1).reshape(samples, steps * n_pre))
    kernel: Any = _push[(samples, triton.cdiv(n_post, block))]
    kernel(*spikes, *taps, out, n_pre, n_post, steps, samples, BLOCK=block)
    return out


def _collected(x: Tensor, grad: Tensor, taps: Taps, block: int) -> tuple[Tensor, Tensor]:
    """A0 and A1 ``[n_pre, n_post]``: of every synapse, the gradients ``grad [T, B, n_post]`` that its spikes met."""
    steps, samples, n_pre = x.shape
    n_post = taps.step.shape[1]
    a0, a1 = torch.empty_like(taps.early), torch.empty_like(taps.early)
    spikes = _listed(x.permute(2, 0, 1).reshape(n_pre, steps * samples))
    kernel: Any = _collect[(n_pre, triton.cdiv(n_post, block))]
    kernel(*spikes, taps.step, grad.contiguous(), a0, a1, n_post, steps, samples, BLOCK=block)
    return a0, a1


def _shifted(x: Tensor, taps: Taps, sign: int, time: int, block: int) -> Tensor:
    """For sign -1 arrivals ``[T, B, n_post]`` of the input x, for +1 gradients ``[T, B, n_pre]`` of the arrivals' x."""
    steps, samples, n_in = x.shape
    n_pre, n_post = taps.step.shape
    n_out, strides = (n_post, (n_post, 1)) if sign < 0 else (n_pre, (1, n_post))
    out = x.new_empty(steps, n_out, samples)
    kernel: Any = _sum_shifted[(n_out, triton.cdiv(steps, time), triton.cdiv(samples, block))]
    kernel(
        x.permute(0, 2, 1).contiguous(), *taps, out, n_in, n_out, *strides, steps, samples,
        SIGN=sign, TIME=time, BLOCK=block,
    )  # fmt: skip
    return out.permute(0, 2, 1)


class _DelayedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, delay: Tensor, longest: int, whole: bool) -> Tensor:
        w, d = weight.T.contiguous(), delay.T.clamp(0, longest).contiguous()
        m = d.floor().clamp(max=max(longest - 1, 0))
        f = (d - m >= 0.5).to(d.dtype) if whole else d - m
        taps = Taps(m.to(torch.int32), w * (1 - f), w * f)
        ctx.save_for_backward(x, w, f, *taps)
        if torch.count_nonzero(x) <= DENSE_ABOVE * x.numel():
            return _pushed(x, taps, WIDTH)
        return _shifted(x, taps, -1, *TILE)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, w, f, *parts = ctx.saved_tensors
        taps, grad = Taps(*parts), grads[0]
        grad_x = grad_weight = grad_delay = None
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            a0, a1 = _collected(x, grad, taps, WIDTH)
            grad_weight, grad_delay = ((1 - f) * a0 + f * a1).T, (w * (a1 - a0)).T
        if ctx.needs_input_grad[0]:
            grad_x = _shifted(grad, taps, 1, *TILE)
        return grad_x, grad_weight, grad_delay, None, None


def delayed_linear(
    x: Tensor, weight: Tensor, delay: Tensor, longest: int, *, skip: int = 0, whole: bool = False
) -> Tensor:
    """What `neurosim.nn.ops.delays.delayed_linear` computes, for tensors that Triton can reach."""
    apply: Any = _DelayedLinear.apply
    out: Tensor = apply(x, weight, delay, longest, whole)
    return out[skip:]
