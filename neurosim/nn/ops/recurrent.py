"""All steps of neurons whose spikes come back to them, in one operator with a backward pass of its own.

A spike of step s arrives in step s + 1, or over a delay d of one step or more as in `neurosim.nn.ops.delays`: shared
between the steps s + m and s + m + 1, with m = floor(d). What is under way at the end of a run is part of its state.
Conventions are those of `neurosim.nn.ops.membrane` and `neurosim.nn.ops.adaptive`, whose neurons these are; the same
in plain PyTorch is in `neurosim.nn.reference.recurrent`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.errors import DataError, ShapeError, UnsupportedError
from neurosim.nn.cpu.delay_spikes import collect
from neurosim.nn.cpu.lanes import LANES
from neurosim.nn.cpu.membrane import ROWS, THRESHOLD
from neurosim.nn.cpu.recurrent import recurrent_backward, recurrent_forward
from neurosim.nn.cpu.recurrent_synapses import BLOCK, add_outer_next
from neurosim.nn.cpu.surrogate import GIVEN
from neurosim.nn.membrane_rule import AdaptiveState, MembraneRule, MembraneState, check_state
from neurosim.nn.ops.adaptive import adaptive
from neurosim.nn.ops.delays import SortedSpikes
from neurosim.nn.ops.events import Events, attach, packed
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.membrane import membrane
from neurosim.nn.ops.threads import for_range
from neurosim.nn.reference.recurrent import recurrent as plain_recurrent
from neurosim.nn.surrogate import Surrogate, kernel_of

__all__ = ["recurrent"]

Array = NDArray[Any]


class _Taps(NamedTuple):
    """``[n_pre, n_post]`` each: the steps m after which a spike arrives first, and what arrives then and next.

    Where all delays are one step there is only ``early``, and m and ``late`` have no entries.
    """

    m: NDArray[np.uint32]
    early: Array
    late: Array
    fraction: Array

    @property
    def delayed(self) -> bool:
        return self.late.size > 0

    @property
    def offset(self) -> NDArray[np.uint32]:
        """For `push_taps`."""
        n = self.m.shape[1]
        return self.m * np.uint32(n) + np.arange(n, dtype=np.uint32)

    def pushed(self) -> tuple[Any, ...]:
        """delayed, weight, offset, early, late: as `recurrent_forward` takes them."""
        none = self.late[:0]
        if not self.delayed:
            return False, self.early, self.m, none, none
        return True, none, self.offset, self.early, self.late

    def pulled(self) -> tuple[Any, ...]:
        """The same as `recurrent_backward` takes them."""
        n = len(self.early)
        padded = -(-n // BLOCK) * BLOCK
        if not self.delayed:
            weight = empty((n, padded), self.early.dtype)
            weight[:, :n], weight[:, n:] = self.early.T, 0
            none = weight.reshape(-1)[:0]
            return False, weight.reshape(-1), self.m.reshape(-1), none, none
        offset = (self.m * np.uint32(BLOCK) + np.arange(n, dtype=np.uint32) % BLOCK) * np.uint32(LANES)
        parts = (_blocks(a, padded) for a in (offset, self.early, self.late))
        return True, self.early[:0].reshape(-1), *parts


def _blocks(a: Array, padded: int) -> Array:
    """``[n_pre, n_post]`` in blocks of `BLOCK` postsynaptic neurons, ``[blocks, n_pre, BLOCK]``, flat."""
    n = len(a)
    wide = np.zeros((n, padded), a.dtype)
    wide[:, :n] = a
    out = empty((padded // BLOCK, n, BLOCK), a.dtype)
    out[:] = wide.reshape(n, padded // BLOCK, BLOCK).transpose(1, 0, 2)
    return out.reshape(-1)


def _taps(weight: Tensor, delay: Tensor | None, longest: int, whole: bool) -> _Taps:
    w = np.ascontiguousarray(weight.detach().numpy().T)
    if delay is None or longest == 1:
        none = np.empty((0, len(w)), w.dtype)
        return _Taps(none.astype(np.uint32), w, none, none)
    d = np.clip(np.ascontiguousarray(delay.detach().numpy().T), 1, longest)
    m = np.fmin(np.floor(d), longest - 1)  # in range also if d is not a number; then f is none
    f = np.floor(d - m + d.dtype.type(0.5)) if whole else d - m
    return _Taps(m.astype(np.uint32), w * (1 - f), w * f, f)


class _Recurrent(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, second: Tensor, pending: Tensor, weight: Tensor, delay: Tensor | None,
        table: Tensor, held: Tensor, adaptive: bool, rule: MembraneRule, surrogate: Surrogate, detach: bool,
        whole: bool, events: list[Events],
    ) -> tuple[Tensor, ...]:  # fmt: skip
        xs, numbers = sample_major(x), table.detach().contiguous()
        trains, learns = any(ctx.needs_input_grad), ctx.needs_input_grad[6]
        none = (0, 0, xs.shape[2])
        before, spikes = empty(xs.shape if trains else none, xs.dtype), empty(xs.shape, xs.dtype)
        kept = empty(xs.shape if (trains and adaptive) or learns else none, xs.dtype)
        phase = empty(xs.shape if trains and rule.holds else none, np.uint8)
        last_v, last_second, last_held = v.detach().clone(), second.detach().clone(), held.clone()
        rest = pending.detach().transpose(0, 1).clone(memory_format=torch.contiguous_format)
        row, start = np.empty(xs.shape[:2], np.int64), np.empty(len(xs), np.int64)
        neuron = empty((spikes.size,), np.uint32)  # memory only where it is written
        taps = _taps(weight, delay, len(pending), whole)
        for_range(
            recurrent_forward, len(xs), xs, last_v.numpy(), last_second.numpy(), last_held.numpy(), adaptive,
            numbers.numpy(), rule.refractory, *rule.options, rest.numpy(), *taps.pushed(), before, kept, phase,
            spikes, row, start, neuron,
        )  # fmt: skip
        events.append(packed(row, start, neuron, None, x.shape))
        ctx.arrays, ctx.events, ctx.taps = (before, kept, phase), events[0], taps
        ctx.rule, ctx.surrogate, ctx.through_reset, ctx.adaptive = rule, surrogate, not detach, adaptive
        ctx.save_for_backward(numbers, v, second, weight)
        ctx.mark_non_differentiable(last_held)
        return time_major(spikes), last_v, last_second, rest.transpose(0, 1), last_held

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (before, kept, phase), rule, taps, needs = ctx.arrays, ctx.rule, ctx.taps, ctx.needs_input_grad
        numbers, v, second = (a.detach().numpy() for a in ctx.saved_tensors[:3])
        samples, _, n = before.shape
        tiles = -(-samples // LANES)
        kernel, given = kernel_of(ctx.surrogate), np.empty((0, 0, n), before.dtype)
        if kernel.code == GIVEN:
            limit = kept if ctx.adaptive else numbers[THRESHOLD]
            distance = torch.from_numpy(before) - torch.from_numpy(limit)
            given = ctx.surrogate.derivative(distance).contiguous().numpy()
        grad_v, grad_second = (g.contiguous().clone() for g in grads[1:3])
        rest, grad_x = sample_major(grads[3]), empty(before.shape, before.dtype)
        grad_table = np.zeros((tiles, ROWS, n), before.dtype) if needs[6] else None
        table = empty((ROWS, n, LANES), before.dtype)
        table[:] = numbers[:, :, None]
        for_range(
            recurrent_backward, tiles, sample_major(grads[0]), before, kept, phase, v, second, ctx.adaptive,
            table.reshape(ROWS, n * LANES), kernel.code, before.dtype.type(kernel.first),
            before.dtype.type(kernel.second), given, *rule.options, ctx.through_reset, rest, *taps.pulled(),
            grad_v.numpy(), grad_second.numpy(), grad_x, grad_table,
        )  # fmt: skip
        grad_pending = grad_weight = grad_delay = None
        if needs[3]:
            grad_pending = torch.cat([time_major(grad_x)[: rest.shape[1]], grads[3]])[: rest.shape[1]]
        if needs[4] or needs[5]:
            grad_weight, grad_delay = _collected(ctx.events, grad_x, rest, taps, ctx.saved_tensors[3])
        to_table = None if grad_table is None else torch.from_numpy(grad_table.sum(0))
        return (
            time_major(grad_x), grad_v, grad_second, grad_pending, grad_weight, grad_delay if needs[5] else None,
            to_table, *[None] * 7,
        )  # fmt: skip


def _collected(
    events: Events, grad: Array, rest: Array, taps: _Taps, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of weights and delays, ``[n_post, n_pre]``."""
    a0 = np.zeros_like(taps.early)
    blocks = -(-len(a0) // LANES)
    if not taps.delayed:
        for_range(add_outer_next, blocks, events.row, events.neuron, grad, rest[:, 0], a0)
        to_weight = torch.from_numpy(a0).t()
        return to_weight, torch.zeros_like(to_weight)
    a1 = np.zeros_like(a0)
    arrivals = np.concatenate([grad, rest], axis=1)
    spikes = SortedSpikes.of(events, grad.dtype)
    for_range(collect, len(a0), *spikes, taps.offset, arrivals, arrivals.shape[1], 0, a0, a1)
    grad_weight = torch.from_numpy((1 - taps.fraction) * a0 + taps.fraction * a1).t()
    return grad_weight, weight.detach() * torch.from_numpy(a1 - a0).t()


def recurrent(
    x: Tensor,
    state: MembraneState | AdaptiveState,
    pending: Tensor,
    weight: Tensor,
    delay: Tensor | None,
    table: Tensor,
    rule: MembraneRule,
    surrogate: Surrogate,
    *,
    detach_reset: bool = True,
    whole: bool = False,
) -> tuple[Tensor, Tensor, Any]:
    """Spikes ``[T, B, n]``, what they leave to arrive ``[R, B, n]``, and the neurons' last state.

    Gradients are exact, as in `neurosim.nn.ops.membrane.membrane` and `neurosim.nn.ops.delays.delayed_linear`, and
    pass through ``pending`` too: a run in two parts has those of the whole.

    Args:
        x: arrivals from outside.
        state: of the membrane, or of neurons with an adaptive threshold.
        pending: arrivals of earlier spikes in the steps 0 to R - 1; R is the longest delay.
        weight, delay: ``[n, n]`` by (postsynaptic, presynaptic) neuron; delays in steps, clamped to [1, R]; None: all
            are one step (and so they are if R = 1; they have no gradient then).
        table: coefficients of the neurons, ``[ROWS, n]``.
        whole: spikes arrive after floor(d + 1/2) steps; the gradient of d is still that of the interpolation.

    Raises:
        ShapeError, DataError: arguments that do not fit each other.
    """
    check_state(x, table, ROWS, rule.refractory, state)
    _check(x, pending, weight, delay)
    if x.is_cuda:
        return _step_by_step(x, state, pending, weight, delay, table, rule, surrogate, detach_reset, whole)
    v, second, held = state
    second = torch.zeros_like(v) if second is None else second
    held = torch.zeros(v.shape, dtype=torch.int32) if held is None else held
    adaptive = isinstance(state, AdaptiveState)
    events: list[Events] = []
    apply: Any = _Recurrent.apply
    out, v, second, pending, held = apply(
        x, v.contiguous(), second.contiguous(), pending, weight, delay, table, held.contiguous(), adaptive, rule,
        surrogate, detach_reset, whole, events,
    )  # fmt: skip
    attach(out, events[0])
    left = held if rule.holds else None
    if adaptive:
        return out, pending, AdaptiveState(v, second, left)
    return out, pending, MembraneState(v, second if rule.synaptic else None, left)


def _check(x: Tensor, pending: Tensor, weight: Tensor, delay: Tensor | None) -> None:
    n = x.shape[2]
    for name, what in (("weight", weight), ("delay", delay)):
        if what is not None and tuple(what.shape) != (n, n):
            raise ShapeError(
                "recurrent synapses do not fit", where=name, value=tuple(what.shape), limit=(n, n)
            )
        if what is not None and what.dtype != x.dtype:
            raise DataError(
                "recurrent synapses have another type", where=name, value=str(what.dtype), limit=str(x.dtype)
            )
    if pending.ndim != 3 or len(pending) < 1 or pending.shape[1:] != x.shape[1:] or pending.dtype != x.dtype:
        raise ShapeError(
            "pending arrivals do not fit", value=(*pending.shape, str(pending.dtype)),
            limit=f"[R, {x.shape[1]}, {n}] of {x.dtype}",
        )  # fmt: skip


def _step_by_step(
    x: Tensor, state: Any, pending: Tensor, weight: Tensor, delay: Tensor | None, table: Tensor, rule: MembraneRule,
    surrogate: Surrogate, detach: bool, whole: bool,
) -> tuple[Tensor, Tensor, Any]:  # fmt: skip
    """On a GPU: synapses in plain PyTorch, and the neurons' kernel for one step at a time."""
    if whole:
        raise UnsupportedError(
            "recurrent synapses cannot learn with whole delays on a GPU", where="recurrent", value=str(x.device),
            remedy="Train there with DelayGrid.REAL and round at the end, or on the CPU",
        )  # fmt: skip
    step: Any = adaptive if isinstance(state, AdaptiveState) else membrane

    def neurons(arrivals: Tensor, before: Any) -> Any:
        return step(arrivals, before, table, rule, surrogate, detach_reset=detach)

    return plain_recurrent(x, pending, weight, delay, neurons, state)
