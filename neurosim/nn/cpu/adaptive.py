"""The step of a membrane with an adaptive threshold, forward and backward, over one row of neurons.

Rows, phases and options are those of `neurosim.nn.cpu.membrane`. In one step, with the coefficients of the table
(`DECAY` to `JUMP`, a row each)::

    theta <- decay_theta theta
    u = v_rest + decay (v - v_rest) + drive + x
    limit = threshold + theta ; fired where u >= limit (``exceeded``: u > limit)
    v <- reset where fired (``subtract``: u - limit), else u
    theta <- theta + jump where fired

theta runs on while a neuron is held. The backward pass needs u (``before``), the limit, and the phases if there is a
refractory period. Gradients always pass through the spike's effect on theta, and through its effect on v if asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.cpu.membrane import BELOW, DECAY, DRIVE, FIRED, HELD, RESET, THRESHOLD, V_REST, reached
from neurosim.nn.cpu.rows import choose, entry, read, write

__all__ = [
    "DECAY_THETA", "JUMP", "ROWS", "after_row", "backward_row", "forward_row", "learning_row", "theta_row"
]  # fmt: skip

DECAY_THETA, JUMP = 5, 6
"""Rows of the table of coefficients ``[ROWS, n]``; the first five are those of a membrane."""
ROWS = 7
DROP, INTEGRATE = int(RefractoryInput.DROP), int(RefractoryInput.INTEGRATE)


@njit(nogil=True)
def forward_row(
    x: Any, v: Any, theta: Any, held: Any, table: Any, refractory: Any,
    subtract: bool, exceeded: bool, held_input: int, before: Any, limit: Any, phase: Any, spikes: Any,
) -> None:  # fmt: skip
    """One step.

    Args:
        x: what arrives, [n]; read.
        v, theta: potential and what is added to the threshold, [n]; brought up to date.
        held: steps that a neuron is still held, int32 [n]; brought up to date.
        table, refractory: coefficients [ROWS, n], int32 [n]; read.
        before, limit, phase: v before the reset, [n], the threshold it was compared with, [n], and what the neuron
            did, uint8 [n]; written.
        spikes: one or zero, [n]; written.
    """
    n = x.size
    zero, one, step, none = x.dtype.type(0), x.dtype.type(1), np.int32(1), np.int32(0)
    below, fires, holds = np.uint8(BELOW), np.uint8(FIRED), np.uint8(HELD)
    drop, integrate = held_input == DROP, held_input == INTEGRATE
    for j in range(n):
        old, rest, jump = read(v, j, "v"), entry(table, V_REST, j), read(x, j, "x")
        raised = entry(table, DECAY_THETA, j) * read(theta, j, "theta")
        free = rest + entry(table, DECAY, j) * (old - rest) + entry(table, DRIVE, j) + jump
        left = read(held, j, "held")
        is_held = left > none
        u = choose(is_held & (not integrate), choose(drop, old, old + jump), free)
        highest = entry(table, THRESHOLD, j) + raised
        fired = reached(u, highest, exceeded) & (left <= none)
        write(v, j, "v", choose(fired, choose(subtract, u - highest, entry(table, RESET, j)), u))
        write(theta, j, "theta", choose(fired, raised + entry(table, JUMP, j), raised))
        write(before, j, "before", u)
        write(limit, j, "limit", highest)
        write(spikes, j, "spikes", choose(fired, one, zero))
        write(
            held,
            j,
            "held",
            choose(fired, read(refractory, j, "refractory"), left - choose(is_held, step, none)),
        )
        write(phase, j, "phase", choose(fired, fires, choose(is_held, holds, below)))


@njit(nogil=True)
def theta_row(theta: Any, before: Any, phase: Any, table: Any, exceeded: bool, limit: Any, out: Any) -> None:
    """From theta before a step to theta after it (``out``), and the limit, [n] each, by what `forward_row` kept."""
    n = before.size
    holds = np.uint8(HELD)
    for j in range(n):
        raised = entry(table, DECAY_THETA, j) * read(theta, j, "theta")
        highest = entry(table, THRESHOLD, j) + raised
        fired = reached(read(before, j, "before"), highest, exceeded) & (read(phase, j, "phase") != holds)
        write(limit, j, "limit", highest)
        write(out, j, "out", choose(fired, raised + entry(table, JUMP, j), raised))


@njit(nogil=True)
def after_row(
    before: Any, limit: Any, phase: Any, table: Any, subtract: bool, exceeded: bool, after: Any
) -> None:
    """v after the reset, as `forward_row` left it, from what it kept; ``after [n]`` is written."""
    n = before.size
    holds = np.uint8(HELD)
    for j in range(n):
        u, highest = read(before, j, "before"), read(limit, j, "limit")
        fired = reached(u, highest, exceeded) & (read(phase, j, "phase") != holds)
        write(after, j, "after", choose(fired, choose(subtract, u - highest, entry(table, RESET, j)), u))


@njit(inline="always")
def _adjoint(
    u: Any, limit: Any, g: Any, g_theta: Any, grad_out: Any, pseudo: Any, reset: Any, jump: Any, zero: Any, free: bool,
    subtract: bool, exceeded: bool, through_reset: bool,
) -> Any:  # fmt: skip
    """Whether a neuron fired, and the gradients of u and of the limit; g and g_theta: of v and theta after the step."""
    fired = reached(u, limit, exceeded) & free
    reaction = choose(through_reset, g * choose(subtract, -limit, reset - u), zero)
    by_spike = choose(free, (grad_out + g_theta * jump + reaction) * pseudo, zero)
    to_u = by_spike + choose(fired & (not subtract), zero, g)
    return fired, to_u, -by_spike - choose(fired & subtract, g, zero)


@njit(nogil=True)
def backward_row(
    grad_out: Any, pseudo: Any, before: Any, limit: Any, phase: Any, table: Any,
    subtract: bool, exceeded: bool, held_input: int, through_reset: bool, grad_v: Any, grad_theta: Any, grad_x: Any,
) -> None:  # fmt: skip
    """One step back.

    Args:
        grad_out: gradient of the spikes, [n]; read.
        pseudo: surrogate derivative at before - limit, [n] (`derivative_row`); read.
        before, limit, phase, table: as in `forward_row`; read.
        through_reset: whether gradients pass through the reset's dependence on the spike.
        grad_v, grad_theta: [n], from the gradients of v and theta after the step to those before it.
        grad_x: gradient of what arrived, [n]; written.
    """
    n = before.size
    zero, holds = before.dtype.type(0), np.uint8(HELD)
    drop, integrate = held_input == DROP, held_input == INTEGRATE
    for j in range(n):
        free, g_theta = read(phase, j, "phase") != holds, read(grad_theta, j, "grad_theta")
        _, to_u, to_limit = _adjoint(
            read(before, j, "before"), read(limit, j, "limit"), read(grad_v, j, "grad_v"), g_theta,
            read(grad_out, j, "grad_out"), read(pseudo, j, "pseudo"), entry(table, RESET, j),
            entry(table, JUMP, j), zero, free, subtract, exceeded, through_reset,
        )  # fmt: skip
        write(grad_x, j, "grad_x", choose(free | (not drop), to_u, zero))
        write(grad_theta, j, "grad_theta", entry(table, DECAY_THETA, j) * (g_theta + to_limit))
        write(grad_v, j, "grad_v", choose(free | integrate, entry(table, DECAY, j) * to_u, to_u))


@njit(nogil=True)
def learning_row(
    grad_out: Any, pseudo: Any, before: Any, limit: Any, phase: Any, table: Any,
    subtract: bool, exceeded: bool, held_input: int, through_reset: bool, grad_v: Any, grad_theta: Any,
    v: Any, theta: Any, grad_table: Any,
) -> None:  # fmt: skip
    """Add one step's gradient of the table to ``grad_table [ROWS, n]``; call it before `backward_row`, whose
    arguments it takes and only reads.

    Args:
        v, theta: both before the step, [n]; read.
    """
    n = before.size
    zero, one, holds = before.dtype.type(0), before.dtype.type(1), np.uint8(HELD)
    integrate = held_input == INTEGRATE
    decays, rests, drives = grad_table[DECAY], grad_table[V_REST], grad_table[DRIVE]
    thresholds, resets = grad_table[THRESHOLD], grad_table[RESET]
    thetas, jumps = grad_table[DECAY_THETA], grad_table[JUMP]
    for j in range(n):
        free, g, g_theta = (
            read(phase, j, "phase") != holds,
            read(grad_v, j, "grad_v"),
            read(grad_theta, j, "grad_theta"),
        )
        fired, to_u, to_limit = _adjoint(
            read(before, j, "before"), read(limit, j, "limit"), g, g_theta, read(grad_out, j, "grad_out"),
            read(pseudo, j, "pseudo"), entry(table, RESET, j), entry(table, JUMP, j),
            zero, free, subtract, exceeded, through_reset,
        )  # fmt: skip
        leak = choose(free | integrate, to_u, zero)
        distance = read(v, j, "v") - entry(table, V_REST, j)
        write(decays, j, "grad_0", read(decays, j, "grad_0") + leak * distance)
        write(rests, j, "grad_1", read(rests, j, "grad_1") + leak * (one - entry(table, DECAY, j)))
        write(drives, j, "grad_2", read(drives, j, "grad_2") + leak)
        write(thresholds, j, "grad_3", read(thresholds, j, "grad_3") + to_limit)
        write(resets, j, "grad_4", read(resets, j, "grad_4") + choose(fired & (not subtract), g, zero))
        write(thetas, j, "grad_5", read(thetas, j, "grad_5") + (g_theta + to_limit) * read(theta, j, "theta"))
        write(jumps, j, "grad_6", read(jumps, j, "grad_6") + choose(fired, g_theta, zero))
