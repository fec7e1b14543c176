"""Membranes with an adaptive threshold over time: a sample's steps in turn, its state in the cache.

Arrays with all steps are ``[B, T, n]``. One that nobody needs afterwards is given with no entries, and a row of scratch
takes its place. The backward pass computes the thresholds again, sample by sample: only v before the reset is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu.adaptive import after_row, backward_row, forward_row, learning_row, theta_row
from neurosim.nn.cpu.events import list_ones
from neurosim.nn.cpu.membrane_passes import AHEAD
from neurosim.nn.cpu.rows import copy, fetch_row, row_of
from neurosim.nn.cpu.surrogate import GIVEN, derivative_row

__all__ = ["adaptive_backward", "adaptive_forward", "adaptive_limits"]


@njit(cache=True, nogil=True)
def adaptive_forward(
    first: int, last: int, x: Any, v: Any, theta: Any, held: Any, table: Any, refractory: Any,
    subtract: bool, exceeded: bool, held_input: int, before: Any, phase: Any, spikes: Any,
    row: Any, start: Any, neuron: Any,
) -> None:  # fmt: skip
    """Samples first to last, by `forward_row`; v, theta, held [B, n] go from the first state to the last.

    Spikes are listed as `neurosim.nn.cpu.membrane_passes.membrane_forward` does.
    """
    steps, n = x.shape[1], x.shape[2]
    no_before, no_phase, limit = np.empty(n, x.dtype), np.empty(n, np.uint8), np.empty(n, x.dtype)
    found = first * steps * n
    for b in range(first, last):
        start[b] = found
        v_b, theta_b, held_b = row_of(v, b * n, n), row_of(theta, b * n, n), row_of(held, b * n, n)
        for t in range(steps):
            at = (b * steps + t) * n
            out = row_of(spikes, at, n)
            forward_row(
                row_of(x, at, n), v_b, theta_b, held_b, table, refractory, subtract, exceeded, held_input,
                row_of(before, at, n) if before.size else no_before, limit,
                row_of(phase, at, n) if phase.size else no_phase, out,
            )  # fmt: skip
            found = list_ones(out, neuron, found)
            row[b, t] = found - start[b]


@njit(cache=True, nogil=True)
def adaptive_limits(
    first: int, last: int, before: Any, phase: Any, theta: Any, table: Any, exceeded: bool, limit: Any
) -> None:
    """The thresholds ``limit [B, T, n]`` of samples first to last; theta [B, n] before the first step."""
    steps, n = before.shape[1], before.shape[2]
    no_phase, rows = np.zeros(n, np.uint8), np.empty((2, n), table.dtype)
    for b in range(first, last):
        copy(theta[b], 0, n, rows[0], 0)
        for t in range(steps):
            doing = phase[b, t] if phase.size else no_phase
            theta_row(rows[t % 2], before[b, t], doing, table, exceeded, limit[b, t], rows[1 - t % 2])


@njit(cache=True, nogil=True)
def adaptive_backward(
    first: int, last: int, grad_out: Any, before: Any, phase: Any, table: Any,
    subtract: bool, exceeded: bool, held_input: int, through_reset: bool,
    code: int, number: Any, other: Any, given: Any, grad_v: Any, grad_theta: Any, grad_x: Any,
    v: Any, theta: Any, grad_table: Any,
) -> None:  # fmt: skip
    """Samples first to last in reverse time, by `backward_row`.

    Args:
        code, number, other: the surrogate, see `derivative_row`; given: its values, for `GIVEN`.
        grad_v, grad_theta: [B, n], from the gradients of the last states to those of the first.
        grad_x: written.
        v, theta: the first states, [B, n].
        grad_table: [B, ROWS, n]; if it has entries, the gradients of the table are added to it.
    """
    steps, n = before.shape[1], before.shape[2]
    learns = grad_table.size > 0
    pseudo, old, no_phase = np.empty(n, table.dtype), np.empty(n, table.dtype), np.zeros(n, np.uint8)
    thetas, limits = np.empty((steps + 1, n), table.dtype), np.empty((steps, n), table.dtype)
    for b in range(first, last):
        grad_v_b, grad_theta_b = row_of(grad_v, b * n, n), row_of(grad_theta, b * n, n)
        copy(row_of(theta, b * n, n), 0, n, row_of(thetas, 0, n), 0)
        for t in range(steps):
            at = (b * steps + t) * n
            doing = row_of(phase, at, n) if phase.size else no_phase
            theta_row(
                row_of(thetas, t * n, n), row_of(before, at, n), doing, table, exceeded, row_of(limits, t * n, n),
                row_of(thetas, (t + 1) * n, n),
            )  # fmt: skip
        for t in range(steps - 1, -1, -1):
            at = (b * steps + t) * n
            u, limit, gradient = row_of(before, at, n), row_of(limits, t * n, n), row_of(grad_out, at, n)
            doing = row_of(phase, at, n) if phase.size else no_phase
            fetch_row(grad_out, at - AHEAD * n, n)
            fetch_row(grad_x, at - AHEAD * n, n)
            slope = pseudo
            if code == GIVEN:
                slope = row_of(given, at, n)
            else:
                derivative_row(code, number, other, u, limit, pseudo)
            if learns:
                if t > 0:
                    done = row_of(phase, at - n, n) if phase.size else no_phase
                    after_row(
                        row_of(before, at - n, n),
                        row_of(limits, (t - 1) * n, n),
                        done,
                        table,
                        subtract,
                        exceeded,
                        old,
                    )
                else:
                    copy(row_of(v, b * n, n), 0, n, old, 0)
                learning_row(
                    gradient, slope, u, limit, doing, table, subtract, exceeded, held_input, through_reset,
                    grad_v_b, grad_theta_b, old, row_of(thetas, t * n, n), grad_table[b],
                )  # fmt: skip
            backward_row(
                gradient, slope, u, limit, doing, table, subtract, exceeded, held_input, through_reset,
                grad_v_b, grad_theta_b, row_of(grad_x, at, n),
            )  # fmt: skip
