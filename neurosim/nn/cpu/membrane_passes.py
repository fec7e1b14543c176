"""Membranes that are linear between spikes over time: a sample's steps in turn, its state in the cache.

Arrays with all steps are ``[B, T, n]``. One that nobody needs afterwards is given with no entries, and a row of scratch
takes its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.events import list_ones
from neurosim.nn.cpu.membrane import (
    THRESHOLD,
    after_row,
    backward_row,
    current_row,
    forward_row,
    learning_row,
)
from neurosim.nn.cpu.rows import copy, fetch_row, row_of
from neurosim.nn.cpu.surrogate import GIVEN, derivative_row

__all__ = ["membrane_backward", "membrane_forward"]


AHEAD = 4
"""Steps ahead of which rows are fetched in reverse time."""


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
        v_b, i_b, held_b = row_of(v, b * n, n), row_of(i, b * n, n), row_of(held, b * n, n)
        for t in range(steps):
            at = (b * steps + t) * n
            out = row_of(spikes, at, n) if spikes.size else no_spikes
            forward_row(
                row_of(x, at, n), v_b, i_b, held_b, table, refractory, subtract, exceeded, held_input,
                row_of(before, at, n) if before.size else no_before,
                row_of(phase, at, n) if phase.size else no_phase, out,
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
        grad_table: [B, ROWS, n]; if it has entries, the gradients of the table are added to it.
        x, v, i: what arrived, and the first states [B, n], read for these; x and i have no entries where the synaptic
            current's coefficients are not asked for.
    """
    steps, n = grad_x.shape[1], grad_x.shape[2]
    learns, synaptic = grad_table.size > 0, i.size > 0
    pseudo, zeros, no_phase = np.zeros(n, table.dtype), np.zeros(n, table.dtype), np.zeros(n, np.uint8)
    current = np.empty((steps + 1 if synaptic else 0, n), table.dtype)
    old = np.empty(n, table.dtype)
    threshold = row_of(table, THRESHOLD * n, n)
    for b in range(first, last):
        grad_v_b, grad_i_b = row_of(grad_v, b * n, n), row_of(grad_i, b * n, n)
        if synaptic:
            copy(row_of(i, b * n, n), 0, n, row_of(current, 0, n), 0)
            for t in range(steps):
                current_row(
                    row_of(x, (b * steps + t) * n, n), row_of(current, t * n, n), table,
                    row_of(current, (t + 1) * n, n),
                )  # fmt: skip
        for t in range(steps - 1, -1, -1):
            at = (b * steps + t) * n
            u = row_of(before, at, n) if before.size else zeros
            doing = row_of(phase, at, n) if phase.size else no_phase
            slope, gradient = pseudo, row_of(grad_out, at, n)
            fetch_row(grad_out, at - AHEAD * n, n)
            fetch_row(before, at - AHEAD * n, n)
            fetch_row(grad_x, at - AHEAD * n, n)
            if phase.size:
                fetch_row(phase, at - AHEAD * n, n)
            if not spiking:
                for j in range(n):
                    grad_v_b[j] += gradient[j]
                gradient = zeros
            elif code == GIVEN:
                slope = row_of(given, at, n)
            else:
                derivative_row(code, number, other, u, threshold, pseudo)
            if learns:
                if t > 0:
                    done = row_of(phase, at - n, n) if phase.size else no_phase
                    after_row(row_of(before, at - n, n), done, table, subtract, exceeded, old)
                else:
                    copy(row_of(v, b * n, n), 0, n, old, 0)
                learning_row(
                    gradient, slope, u, doing, table, subtract, exceeded, held_input, through_reset,
                    grad_v_b, grad_i_b, old, row_of(current, t * n, n) if synaptic else zeros,
                    row_of(current, (t + 1) * n, n) if synaptic else zeros, grad_table[b],
                )  # fmt: skip
            backward_row(
                gradient, slope, u, doing, table, subtract, exceeded, held_input, through_reset,
                grad_v_b, grad_i_b, row_of(grad_x, at, n),
            )  # fmt: skip
