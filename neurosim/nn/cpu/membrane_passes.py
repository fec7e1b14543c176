"""Membranes that are linear between spikes over time: a sample's steps in turn, its state in the cache.

Arrays with all steps are ``[B, T, n]``. One that nobody needs afterwards is given with no entries, and a row of scratch
takes its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.events import list_ones
from neurosim.nn.cpu.membrane import DECAY_SYNAPSE, THRESHOLD, after_row, backward_row, forward_row, learning_row
from neurosim.nn.cpu.surrogate import GIVEN, derivative_row

__all__ = ["membrane_backward", "membrane_forward"]


@njit(cache=True, nogil=True)
def membrane_forward(
    first: int, last: int, x: Any, v: Any, i: Any, held: Any, table: Any, refractory: Any,
    subtract: bool, exceeded: bool, held_input: int, before: Any, phase: Any, spikes: Any,
    row: Any, start: Any, neuron: Any,
) -> None:  # fmt: skip
    """Samples first to last, by `forward_row`; v, i, held [B, n] go from the first state to the last.

    Spikes are listed: those of sample b from entry ``start[b]`` of ``neuron`` on; ``row[b, t]`` counts those up to
    and with step t. A readout (``spikes`` without entries) lists none; its output is ``before``.
    """
    steps, n = x.shape[1], x.shape[2]
    no_before, no_phase, no_spikes = np.empty(n, x.dtype), np.empty(n, np.uint8), np.empty(n, x.dtype)
    found = first * steps * n
    for b in range(first, last):
        start[b] = found
        for t in range(steps):
            out = spikes[b, t] if spikes.size else no_spikes
            forward_row(
                x[b, t], v[b], i[b], held[b], table, refractory, subtract, exceeded, held_input,
                before[b, t] if before.size else no_before, phase[b, t] if phase.size else no_phase, out,
            )  # fmt: skip
            if spikes.size:
                found = list_ones(out, neuron, found)
            row[b, t] = found - start[b]


@njit(cache=True, nogil=True)
def membrane_backward(
    first: int, last: int, grad_out: Any, before: Any, phase: Any, table: Any,
    subtract: bool, exceeded: bool, held_input: int, spiking: bool, through_reset: bool,
    code: int, number: Any, other: Any, given: Any, grad_v: Any, grad_i: Any, grad_x: Any,
    x: Any, v: Any, i: Any, grad_table: Any,
) -> None:  # fmt: skip
    """Samples first to last in reverse time, by `backward_row`.

    Args:
        grad_out: gradients of the spikes, or of a readout's potentials.
        code, number, other: the surrogate, see `derivative_row`; given: its values, for `GIVEN`.
        grad_v, grad_i: [B, n], from the gradients of the last states to those of the first.
        grad_x: written.
        x, v, i: what arrived, and the first states [B, n]; read if ``grad_table [B, ROWS, n]`` has entries, to which
            the gradients of the table are then added.
    """
    steps, n = grad_x.shape[1], grad_x.shape[2]
    learns = grad_table.size > 0
    pseudo, zeros, no_phase = np.zeros(n, table.dtype), np.zeros(n, table.dtype), np.zeros(n, np.uint8)
    current = np.empty((steps + 1 if learns else 0, n), table.dtype)
    old = np.empty(n, table.dtype)
    for b in range(first, last):
        if learns:
            current[0] = i[b]
            for t in range(steps):
                current[t + 1] = table[DECAY_SYNAPSE] * current[t] + x[b, t]
        for t in range(steps - 1, -1, -1):
            u = before[b, t] if before.size else zeros
            doing = phase[b, t] if phase.size else no_phase
            slope, gradient = pseudo, grad_out[b, t]
            if not spiking:
                for j in range(n):
                    grad_v[b, j] += gradient[j]
                gradient = zeros
            elif code == GIVEN:
                slope = given[b, t]
            else:
                derivative_row(code, number, other, u, table[THRESHOLD], pseudo)
            if learns:
                if t > 0:
                    done = phase[b, t - 1] if phase.size else no_phase
                    after_row(before[b, t - 1], done, table, subtract, exceeded, old)
                else:
                    old[:] = v[b]
                learning_row(
                    gradient, slope, u, doing, table, subtract, exceeded, held_input, through_reset,
                    grad_v[b], grad_i[b], old, current[t], current[t + 1], grad_table[b],
                )  # fmt: skip
            backward_row(
                gradient, slope, u, doing, table, subtract, exceeded, held_input, through_reset,
                grad_v[b], grad_i[b], grad_x[b, t],
            )  # fmt: skip
