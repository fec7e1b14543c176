"""All steps of a membrane that is linear between spikes, in one operator with a backward pass of its own.

Tensors are time-major by shape, ``[T, B, n]``, and sample-major in memory (`neurosim.nn.ops.layout`). What a step
computes, and what the rows of the table of coefficients are, is in `neurosim.nn.cpu.membrane`; the same in plain
PyTorch is in `neurosim.nn.reference.membrane`, and the tests compare the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurosim.nn.cpu.membrane import ROWS, THRESHOLD
from neurosim.nn.cpu.membrane_passes import membrane_backward, membrane_forward
from neurosim.nn.cpu.surrogate import GIVEN
from neurosim.nn.membrane_rule import MembraneRule, MembraneState, check_state
from neurosim.nn.ops.events import Events, attach, packed
from neurosim.nn.ops.layout import empty, sample_major, time_major
from neurosim.nn.ops.threads import for_range
from neurosim.nn.surrogate import Surrogate, kernel_of

__all__ = ["membrane"]


class _Membrane(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, i: Tensor, held: Tensor, table: Tensor, rule: MembraneRule,
        surrogate: Surrogate, detach: bool, events: list[Events],
    ) -> tuple[Tensor, ...]:  # fmt: skip
        xs, numbers = sample_major(x), table.detach().contiguous()
        trains, learns = any(ctx.needs_input_grad), ctx.needs_input_grad[4]
        none = (0, 0, xs.shape[2])
        before = empty(xs.shape if trains or not rule.spiking else none, xs.dtype)
        phase = empty(xs.shape if trains and rule.holds else none, np.uint8)
        spikes = empty(xs.shape if rule.spiking else none, xs.dtype)
        last_v, last_i, last_held = v.detach().clone(), i.detach().clone(), held.clone()
        row, start = np.empty(xs.shape[:2], np.int64), np.empty(len(xs), np.int64)
        neuron = empty((spikes.size,), np.uint32)  # memory only where it is written
        for_range(
            membrane_forward, len(xs), xs, last_v.numpy(), last_i.numpy(), last_held.numpy(), numbers.numpy(),
            rule.refractory, *rule.options, before, phase, spikes, row, start, neuron,
        )  # fmt: skip
        if rule.spiking:
            events.append(packed(row, start, neuron, None, x.shape))
        out = time_major(spikes if rule.spiking else before)
        ctx.rule, ctx.surrogate, ctx.through_reset, ctx.phase, ctx.shape = (
            rule,
            surrogate,
            not detach,
            phase,
            xs.shape,
        )
        ctx.before = before if rule.spiking else None
        # what arrived is read again only for what the coefficients of the current need
        ctx.save_for_backward(
            numbers, v if learns else None, *((x, i) if learns and rule.synaptic else (None, None)),
            out if learns and not rule.spiking else None,
        )  # fmt: skip
        ctx.mark_non_differentiable(last_held)
        return out, last_v, last_i, last_held

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rule, (table, v, x, i, out) = ctx.rule, ctx.saved_tensors
        numbers, learns = table.numpy(), ctx.needs_input_grad[4]
        none = np.empty((0, 0, ctx.shape[2]), numbers.dtype)
        before = ctx.before
        if before is None:
            before = none if out is None else sample_major(out)
        kernel, given = kernel_of(ctx.surrogate), none
        if rule.spiking and kernel.code == GIVEN:
            given = _given(ctx.surrogate, before, table[THRESHOLD])
        grad_v, grad_i = grads[1].contiguous().clone(), grads[2].contiguous().clone()
        grad_x = empty(ctx.shape, numbers.dtype)
        grad_table = np.zeros((len(grad_x) if learns else 0, *numbers.shape), numbers.dtype)
        no_state = np.empty((0, none.shape[2]), numbers.dtype)
        arrived = none if x is None else sample_major(x)
        first = [no_state if part is None else part.detach().numpy() for part in (v, i)]
        for_range(
            membrane_backward, len(grad_x), sample_major(grads[0]), before, ctx.phase, numbers, *rule.options,
            rule.spiking, ctx.through_reset, kernel.code, numbers.dtype.type(kernel.first),
            numbers.dtype.type(kernel.second), given, grad_v.numpy(), grad_i.numpy(), grad_x,
            arrived, *first, grad_table,
        )  # fmt: skip
        to_table = torch.from_numpy(grad_table.sum(0)) if learns else None
        return time_major(grad_x), grad_v, grad_i, None, to_table, None, None, None, None


def _given(surrogate: Surrogate, before: NDArray[Any], threshold: Tensor) -> NDArray[Any]:
    """The derivatives of a surrogate that no kernel knows."""
    return surrogate.derivative(torch.from_numpy(before) - threshold).contiguous().numpy()


def membrane(
    x: Tensor,
    state: MembraneState,
    table: Tensor,
    rule: MembraneRule,
    surrogate: Surrogate,
    *,
    detach_reset: bool = True,
) -> tuple[Tensor, MembraneState]:
    """What a layer puts out for what arrives, ``[T, B, n]``, and its last state.

    Spikes (0 or 1) carry their list (`neurosim.nn.ops.events`). Gradients are those of backpropagation through time
    with ``surrogate`` in place of dH/du; they also pass through both states and to the table.

    Args:
        x: jumps of the synaptic current, or of v.
        table: coefficients ``[ROWS, n]`` in the precision of x. Decay and gain of the synaptic current get no gradient
            where the rule says that there is none.
        detach_reset: whether no gradient passes through the reset (the term in dv/ds is left out).

    Raises:
        ShapeError, DataError: arguments that do not fit each other.
    """
    check_state(x, table, ROWS, rule.refractory, state)
    if x.is_cuda:
        from neurosim.nn.gpu.membrane import membrane as on_gpu

        return on_gpu(x, state, table, rule, surrogate, detach_reset=detach_reset)
    i = torch.zeros_like(state.v) if state.i is None else state.i
    held = _held(state.v) if state.held is None else state.held
    events: list[Events] = []
    apply: Any = _Membrane.apply
    parts = (part.contiguous() for part in (state.v, i, held))
    out, v, i, held = apply(x, *parts, table, rule, surrogate, detach_reset, events)
    if events:
        attach(out, events[0])
    return out, MembraneState(v, i if rule.synaptic else None, held if rule.holds else None)


def _held(v: Tensor) -> Tensor:
    return torch.zeros(v.shape, dtype=torch.int32, device=v.device)
