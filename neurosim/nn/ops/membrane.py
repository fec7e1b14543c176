"""The fused operators over time: a membrane with threshold and reset, and a plain exponential filter.

Tensors are time-major by shape, ``[T, B, n]``; in memory a sample's steps lie together, ``[B, T, n]``, and a
kernel walks one sample at a time. `sample_major` and `time_major` go from one to the other without copying
where they can. The same rules in plain PyTorch are in `neurosim.nn.reference`; the tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.errors import UnsupportedError
from neurosim.neurons.options import RefractoryInput
from neurosim.nn.ops.threads import for_range
from neurosim.nn.surrogate import Surrogate

__all__ = ["MembraneRule", "MembraneState", "exponential_filter", "membrane", "sample_major", "time_major"]

BELOW, FIRED, HELD = 0, 1, 2
"""What a neuron did in a step: stayed below the threshold, fired, or was held in its refractory period."""
DROP, KEEP = int(RefractoryInput.DROP), int(RefractoryInput.KEEP)


@dataclass(frozen=True, kw_only=True, eq=False)
class MembraneRule:
    """The numbers of one layer; every array has one entry a neuron.

    A neuron that is not refractory does ``v <- v_rest + decay (v - v_rest) + drive + x``, fires where
    v >= threshold (``exceeded``: v > threshold), and is then set to ``reset`` (``subtract``: lowered by
    ``reset``) and held for ``refractory`` steps, in which it cannot fire and ``held_input`` rules x.
    """

    decay: NDArray[np.float64]
    v_rest: NDArray[np.float64]
    drive: NDArray[np.float64]
    threshold: NDArray[np.float64]
    reset: NDArray[np.float64]
    refractory: NDArray[np.int32]
    subtract: bool
    exceeded: bool
    held_input: RefractoryInput = RefractoryInput.DROP

    def numbers(self, dtype: torch.dtype) -> tuple[NDArray[Any], ...]:
        """decay, v_rest, drive, threshold, reset in the tensors' precision."""
        kind = np.float64 if dtype == torch.float64 else np.float32
        numbers = (self.decay, self.v_rest, self.drive, self.threshold, self.reset)
        return tuple(a.astype(kind) for a in numbers)


class MembraneState(NamedTuple):
    """``v [B, n]``, and the steps each neuron is still held, int32 ``[B, n]``."""

    v: Tensor
    held: Tensor


def sample_major(x: Tensor) -> NDArray[Any]:
    """``[T, B, n]`` as a contiguous array ``[B, T, n]``; no copy if it came from `time_major`.

    Raises `UnsupportedError` for tensors that are not float32 or float64 on the CPU.
    """
    if x.dtype not in (torch.float32, torch.float64) or x.device.type != "cpu":
        raise UnsupportedError(
            "layers compute in float32 or float64 on the CPU",
            value=f"{x.dtype} on {x.device}",
            remedy="Convert with .float().cpu()",
        )
    return x.detach().transpose(0, 1).contiguous().numpy()


def time_major(x: NDArray[Any]) -> Tensor:
    """An array ``[B, T, n]`` as a tensor ``[T, B, n]`` that shares its memory."""
    return torch.from_numpy(x).transpose(0, 1)


@njit(cache=True, nogil=True)
def _membrane_forward(
    first: int, last: int, x: Any, v: Any, held: Any, decay: Any, v_rest: Any, drive: Any, threshold: Any,
    reset: Any, refractory: Any, subtract: bool, exceeded: bool, held_input: int,
    before: Any, phase: Any, spikes: Any,
) -> None:  # fmt: skip
    """x, before, spikes [B, T, n]; phase uint8 [B, T, n]; v, held [B, n] go from the first state to the last.

    ``before`` keeps v before the reset: with the phase it is all that the backward pass needs.
    """
    for b in range(first, last):
        for t in range(x.shape[1]):
            for j in range(x.shape[2]):
                u = v_rest[j] + decay[j] * (v[b, j] - v_rest[j]) + drive[j] + x[b, t, j]
                if held[b, j] > 0:
                    held[b, j] -= 1
                    if held_input == DROP:
                        u = v[b, j]
                    elif held_input == KEEP:
                        u = v[b, j] + x[b, t, j]
                    v[b, j] = u
                    before[b, t, j] = u
                    phase[b, t, j] = HELD
                    spikes[b, t, j] = 0
                    continue
                before[b, t, j] = u
                fired = u > threshold[j] if exceeded else u >= threshold[j]
                if fired:
                    held[b, j] = refractory[j]
                    u = u - reset[j] if subtract else reset[j]
                v[b, j] = u
                phase[b, t, j] = FIRED if fired else BELOW
                spikes[b, t, j] = 1 if fired else 0


@njit(cache=True, nogil=True)
def _membrane_backward(
    first: int, last: int, grad_spikes: Any, pseudo: Any, before: Any, phase: Any, decay: Any, reset: Any,
    subtract: bool, held_input: int, detach_reset: bool, grad_v: Any, grad_x: Any,
) -> None:  # fmt: skip
    """All [B, T, n] but grad_v [B, n], which goes from dL/dv of the last state to that of the first.

    ``pseudo`` is the surrogate derivative at (before - threshold). With u = ``before``, s the spike:
    dL/du = dL/dv * dv/du + (dL/ds + dL/dv * dv/ds) * pseudo; a detached reset has no dv/ds.
    """
    for b in range(first, last):
        for t in range(grad_spikes.shape[1] - 1, -1, -1):
            for j in range(grad_spikes.shape[2]):
                gv = grad_v[b, j]
                if phase[b, t, j] == HELD:
                    grad_x[b, t, j] = 0 if held_input == DROP else gv
                    grad_v[b, j] = gv if held_input in (DROP, KEEP) else decay[j] * gv
                    continue
                gs = grad_spikes[b, t, j]
                if not detach_reset:
                    gs -= gv * (reset[j] if subtract else before[b, t, j] - reset[j])
                gu = gs * pseudo[b, t, j]
                if subtract or phase[b, t, j] == BELOW:
                    gu += gv
                grad_x[b, t, j] = gu
                grad_v[b, j] = decay[j] * gu


class _Membrane(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v0: Tensor, held0: Tensor, rule: MembraneRule, surrogate: Surrogate, detach: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        xs = sample_major(x)
        before, spikes, phase = np.empty_like(xs), np.empty_like(xs), np.empty(xs.shape, np.uint8)
        v, held = v0.detach().contiguous().clone(), held0.contiguous().clone()
        numbers = rule.numbers(x.dtype)
        for_range(
            _membrane_forward, len(xs), xs, v.numpy(), held.numpy(), *numbers, rule.refractory,
            rule.subtract, rule.exceeded, int(rule.held_input), before, phase, spikes,
        )  # fmt: skip
        ctx.arrays, ctx.rule, ctx.surrogate, ctx.detach_reset = (before, phase), rule, surrogate, detach
        ctx.mark_non_differentiable(held)
        return time_major(spikes), v, held

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        before, phase = ctx.arrays
        grad_spikes = sample_major(grads[0])
        grad_v = grads[1].contiguous().clone()
        decay, _, _, threshold, reset = ctx.rule.numbers(grad_v.dtype)
        pseudo = ctx.surrogate.derivative(torch.from_numpy(before) - torch.from_numpy(threshold)).numpy()
        grad_x = np.empty_like(before)
        for_range(
            _membrane_backward, len(before), grad_spikes, pseudo, before, phase, decay, reset,
            ctx.rule.subtract, int(ctx.rule.held_input), ctx.detach_reset, grad_v.numpy(), grad_x,
        )  # fmt: skip
        return time_major(grad_x), grad_v, None, None, None, None


def membrane(
    x: Tensor, state: MembraneState, rule: MembraneRule, surrogate: Surrogate, *, detach_reset: bool = True
) -> tuple[Tensor, MembraneState]:
    """Spikes ``[T, B, n]`` (0 or 1) of a layer that gets the jumps ``x [T, B, n]``, and its last state.

    Gradients are those of backpropagation through time with ``surrogate`` in place of dH/du; they also pass
    through both states.
    """
    apply: Any = _Membrane.apply
    spikes, v, held = apply(x, state.v, state.held, rule, surrogate, detach_reset)
    return spikes, MembraneState(v, held)


@njit(cache=True, nogil=True)
def _filter(first: int, last: int, x: Any, y: Any, decay: Any, backwards: bool, out: Any) -> None:
    """out[t] = y = decay y + x[t], from last step to first if ``backwards``; x, out [B, T, n], y [B, n]."""
    steps = x.shape[1]
    for b in range(first, last):
        for k in range(steps):
            t = steps - 1 - k if backwards else k
            for j in range(x.shape[2]):
                y[b, j] = decay[j] * y[b, j] + x[b, t, j]
                out[b, t, j] = y[b, j]


class _Filter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y0: Tensor, decay: NDArray[Any]) -> tuple[Tensor, Tensor]:
        ctx.decay = decay
        xs = sample_major(x)
        out, y = np.empty_like(xs), y0.detach().contiguous().clone()
        for_range(_filter, len(xs), xs, y.numpy(), decay, False, out)
        return time_major(out), y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_out, grad_last = grads
        g = sample_major(grad_out)
        if g.shape[1] == 0:
            return grad_out, grad_last, None
        g = g.copy()
        g[:, -1] += grad_last.numpy()
        grad_x, y = np.empty_like(g), torch.zeros_like(grad_last).contiguous()
        for_range(_filter, len(g), g, y.numpy(), ctx.decay, True, grad_x)
        return time_major(grad_x), y * torch.from_numpy(ctx.decay), None


def exponential_filter(x: Tensor, y: Tensor, decay: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """``y <- decay y + x`` over time: all y ``[T, B, n]`` and the last ``[B, n]``; one decay a neuron."""
    numbers = decay.astype(np.float64 if x.dtype == torch.float64 else np.float32)
    apply: Any = _Filter.apply
    out, last = apply(x, y, numbers)
    return out, last
