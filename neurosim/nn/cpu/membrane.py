"""The step of a membrane that is linear between spikes, forward and backward, over one row of neurons.

A row is a contiguous array with one entry a neuron of one sample; several samples may be interleaved in it, if the
table and ``refractory`` are repeated alike. No two arguments may overlap. Rows that begin on a cache line take half the
time. In one step, with the coefficients of the table (`DECAY` to `GAIN`, a row each)::

    i <- decay_synapse i + x
    u = v_rest + decay (v - v_rest) + drive + gain i
    fired where u >= threshold (``exceeded``: u > threshold)
    v <- reset where fired (``subtract``: u + reset, with reset = -threshold), else u

Synapses that make v jump are those with decay_synapse = 0 and gain = 1; a readout has an infinite threshold. A neuron
that fired is held for ``refractory`` steps, in which it cannot fire, and ``held_input`` (a `RefractoryInput`) says what
becomes of v: it stays (DROP), gets gain i (KEEP), or goes on as above (INTEGRATE).

The backward pass needs u (``before``, before the reset), and the phases if there is a refractory period.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.neurons.options import RefractoryInput
from neurosim.nn.cpu.rows import choose, entry, read, write

__all__ = [
    "BELOW", "DECAY", "DECAY_SYNAPSE", "DRIVE", "FIRED", "GAIN", "HELD", "RESET", "ROWS", "THRESHOLD", "V_REST",
    "after_row", "backward_row", "current_row", "forward_row", "learning_row", "reached",
]  # fmt: skip

DECAY, V_REST, DRIVE, THRESHOLD, RESET, DECAY_SYNAPSE, GAIN = range(7)
"""Rows of the table of coefficients ``[ROWS, n]``."""
ROWS = 7
BELOW, FIRED, HELD = 0, 1, 2
"""What a neuron did in a step: stayed below the threshold, fired, or was held in its refractory period."""
DROP, INTEGRATE = int(RefractoryInput.DROP), int(RefractoryInput.INTEGRATE)


@njit(inline="always")
def reached(u: Any, threshold: Any, exceeded: bool) -> bool:
    """u >= threshold, or ``exceeded``: u > threshold."""
    return (u > threshold) | ((u == threshold) & (not exceeded))


@njit(nogil=True)
def forward_row(
    x: Any, v: Any, i: Any, held: Any, table: Any, refractory: Any,
    subtract: bool, exceeded: bool, held_input: int, before: Any, phase: Any, spikes: Any,
) -> None:  # fmt: skip
    """One step.

    Args:
        x: what arrives, [n]; read.
        v, i: potential and synaptic current, [n]; brought up to date.
        held: steps that a neuron is still held, int32 [n]; brought up to date.
        table, refractory: coefficients [ROWS, n], int32 [n]; read.
        before, phase: v before the reset, [n], and what the neuron did, uint8 [n]; written.
        spikes: one or zero, [n]; written.
    """
    n = x.size
    zero, one, step, none = x.dtype.type(0), x.dtype.type(1), np.int32(1), np.int32(0)
    below, fires, holds = np.uint8(BELOW), np.uint8(FIRED), np.uint8(HELD)
    drop, integrate = held_input == DROP, held_input == INTEGRATE
    for j in range(n):
        old, rest = read(v, j, "v"), entry(table, V_REST, j)
        current = entry(table, DECAY_SYNAPSE, j) * read(i, j, "i") + read(x, j, "x")
        jump = entry(table, GAIN, j) * current
        free = rest + entry(table, DECAY, j) * (old - rest) + entry(table, DRIVE, j) + jump
        left = read(held, j, "held")
        is_held = left > none
        u = choose(is_held & (not integrate), choose(drop, old, old + jump), free)
        fired = reached(u, entry(table, THRESHOLD, j), exceeded) & (left <= none)
        reset = entry(table, RESET, j)
        write(i, j, "i", current)
        write(v, j, "v", choose(fired, choose(subtract, u + reset, reset), u))
        write(before, j, "before", u)
        write(spikes, j, "spikes", choose(fired, one, zero))
        write(
            held,
            j,
            "held",
            choose(fired, read(refractory, j, "refractory"), left - choose(is_held, step, none)),
        )
        write(phase, j, "phase", choose(fired, fires, choose(is_held, holds, below)))


@njit(nogil=True)
def current_row(x: Any, i: Any, table: Any, current: Any) -> None:
    """The synaptic current of `forward_row` alone: from before the step, ``i [n]``, to after it, ``current [n]``."""
    n = x.size
    for j in range(n):
        decayed = entry(table, DECAY_SYNAPSE, j) * read(i, j, "i")
        write(current, j, "current", decayed + read(x, j, "x"))


@njit(nogil=True)
def after_row(before: Any, phase: Any, table: Any, subtract: bool, exceeded: bool, after: Any) -> None:
    """v after the reset, as `forward_row` left it, from what it kept; ``after [n]`` is written."""
    n = before.size
    holds = np.uint8(HELD)
    for j in range(n):
        u, reset = read(before, j, "before"), entry(table, RESET, j)
        crossed = reached(u, entry(table, THRESHOLD, j), exceeded)
        fired = crossed & (read(phase, j, "phase") != holds)
        write(after, j, "after", choose(fired, choose(subtract, u + reset, reset), u))


@njit(inline="always")
def _adjoint(
    u: Any, g: Any, grad_out: Any, pseudo: Any, threshold: Any, reset: Any, zero: Any, free: bool,
    subtract: bool, exceeded: bool, through_reset: bool,
) -> Any:  # fmt: skip
    """Whether a neuron fired, the gradient of u that comes through the spike, and all of it.

    With s the spike, v' = u + s (reset - u), ``subtract``: u + s reset; a gradient goes through s as if ds/du were
    ``pseudo``, from the output and, if asked, from the reset. ``g`` is the gradient of v'.
    """
    fired = reached(u, threshold, exceeded) & free
    reaction = choose(through_reset, g * choose(subtract, reset, reset - u), zero)
    by_spike = choose(free, (grad_out + reaction) * pseudo, zero)
    return fired, by_spike, by_spike + choose(fired & (not subtract), zero, g)


@njit(nogil=True)
def backward_row(
    grad_out: Any, pseudo: Any, before: Any, phase: Any, table: Any,
    subtract: bool, exceeded: bool, held_input: int, through_reset: bool, grad_v: Any, grad_i: Any, grad_x: Any,
) -> None:  # fmt: skip
    """One step back.

    Args:
        grad_out: gradient of the spikes, [n]; read.
        pseudo: surrogate derivative at before - threshold, [n] (`derivative_row`); read.
        before, phase, table: as in `forward_row`; read.
        through_reset: whether gradients pass through the reset's dependence on the spike.
        grad_v, grad_i: [n], from the gradients of v and i after the step to those before it.
        grad_x: gradient of what arrived, [n]; written.
    """
    n = before.size
    zero, holds = before.dtype.type(0), np.uint8(HELD)
    drop, integrate = held_input == DROP, held_input == INTEGRATE
    for j in range(n):
        free = read(phase, j, "phase") != holds
        _, _, to_u = _adjoint(
            read(before, j, "before"), read(grad_v, j, "grad_v"), read(grad_out, j, "grad_out"),
            read(pseudo, j, "pseudo"), entry(table, THRESHOLD, j), entry(table, RESET, j),
            zero, free, subtract, exceeded, through_reset,
        )  # fmt: skip
        to_jump = choose(free | (not drop), to_u, zero)
        to_i = read(grad_i, j, "grad_i") + entry(table, GAIN, j) * to_jump
        write(grad_x, j, "grad_x", to_i)
        write(grad_i, j, "grad_i", entry(table, DECAY_SYNAPSE, j) * to_i)
        write(grad_v, j, "grad_v", choose(free | integrate, entry(table, DECAY, j) * to_u, to_u))


@njit(nogil=True)
def learning_row(
    grad_out: Any, pseudo: Any, before: Any, phase: Any, table: Any,
    subtract: bool, exceeded: bool, held_input: int, through_reset: bool, grad_v: Any, grad_i: Any,
    v: Any, i: Any, current: Any, grad_table: Any,
) -> None:  # fmt: skip
    """Add one step's gradient of the table to ``grad_table [ROWS, n]``; call it before `backward_row`, whose
    arguments it takes and only reads.

    Args:
        v, i: potential and synaptic current before the step, [n]; read.
        current: synaptic current after it, [n]; read.
    """
    n = before.size
    zero, one, holds = before.dtype.type(0), before.dtype.type(1), np.uint8(HELD)
    drop, integrate = held_input == DROP, held_input == INTEGRATE
    decays, rests, drives = grad_table[DECAY], grad_table[V_REST], grad_table[DRIVE]
    thresholds, resets, synapses, gains = (
        grad_table[THRESHOLD], grad_table[RESET], grad_table[DECAY_SYNAPSE], grad_table[GAIN]
    )  # fmt: skip
    for j in range(n):
        free, g = read(phase, j, "phase") != holds, read(grad_v, j, "grad_v")
        fired, by_spike, to_u = _adjoint(
            read(before, j, "before"), g, read(grad_out, j, "grad_out"), read(pseudo, j, "pseudo"),
            entry(table, THRESHOLD, j), entry(table, RESET, j),
            zero, free, subtract, exceeded, through_reset,
        )  # fmt: skip
        to_jump = choose(free | (not drop), to_u, zero)
        to_i = read(grad_i, j, "grad_i") + entry(table, GAIN, j) * to_jump
        leak = choose(free | integrate, to_u, zero)
        distance = read(v, j, "v") - entry(table, V_REST, j)
        write(decays, j, "grad_0", read(decays, j, "grad_0") + leak * distance)
        write(rests, j, "grad_1", read(rests, j, "grad_1") + leak * (one - entry(table, DECAY, j)))
        write(drives, j, "grad_2", read(drives, j, "grad_2") + leak)
        write(thresholds, j, "grad_3", read(thresholds, j, "grad_3") - by_spike)
        write(resets, j, "grad_4", read(resets, j, "grad_4") + choose(fired, g, zero))
        write(synapses, j, "grad_5", read(synapses, j, "grad_5") + to_i * read(i, j, "i"))
        write(gains, j, "grad_6", read(gains, j, "grad_6") + to_jump * read(current, j, "current"))
