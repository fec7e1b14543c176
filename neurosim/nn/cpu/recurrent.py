"""Recurrent layers: all steps of neurons whose spikes come back to them, forward and backward.

Forward, a thread takes one sample after the other: what arrives, the neurons' step, the list of who fired, and what
these leave for later steps. Backward, it takes tiles of samples in reverse time; the gradient of a spike is that of
what it was used for, plus those of its own arrivals, which are known by then.

Neurons are those of `neurosim.nn.cpu.membrane`, with the synaptic current as their ``second`` state, or (``adaptive``)
of `neurosim.nn.cpu.adaptive`, with theta. Synapses all take one step (``weight``), or (``delayed``) have taps
(`neurosim.nn.cpu.recurrent_synapses`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from neurosim.nn.cpu import adaptive as adaptation, membrane
from neurosim.nn.cpu.events import list_ones
from neurosim.nn.cpu.lanes import LANES, aligned
from neurosim.nn.cpu.membrane import HELD, ROWS, THRESHOLD, reached
from neurosim.nn.cpu.recurrent_synapses import (
    BLOCK,
    clear,
    keep_row,
    move_rows,
    pull_next,
    pull_taps,
    push_next,
    push_taps,
)
from neurosim.nn.cpu.rows import copy
from neurosim.nn.cpu.surrogate import GIVEN, derivative_row
from neurosim.nn.cpu.tiles import bytes_into_tile, from_tile, into_tile

__all__ = ["recurrent_backward", "recurrent_forward"]

SLACK = 64
"""Steps (at least) by which a window of arrivals moves on before its rows are moved back."""

_membrane_forward, _membrane_backward = membrane.forward_row, membrane.backward_row
_membrane_after, _membrane_learning = membrane.after_row, membrane.learning_row
_adaptive_forward, _adaptive_backward = adaptation.forward_row, adaptation.backward_row
_adaptive_after, _adaptive_learning = adaptation.after_row, adaptation.learning_row
JUMP = adaptation.JUMP


@njit(cache=True, nogil=True)
def recurrent_forward(
    first: int, last: int, x: Any, v: Any, second: Any, held: Any, adaptive: bool, table: Any, refractory: Any,
    subtract: bool, exceeded: bool, held_input: int, pending: Any, delayed: bool, weight: Any, offset: Any,
    early: Any, late: Any, before: Any, kept: Any, phase: Any, spikes: Any, row: Any, start: Any, neuron: Any,
) -> None:  # fmt: skip
    """Samples first to last.

    Args:
        x: arrivals from outside, [B, T, n]; read.
        v, second, held: states [B, n], brought up to date. table, refractory and options: see `forward_row`.
        pending: arrivals of earlier spikes in the steps 0 to R - 1, [B, R, n]; those after the run at the end.
        weight: [n_pre, n_post], if not ``delayed``; else offset, early, late, [n_pre, n_post] each.
        before, phase: v before the reset, and what the neurons did; kept: the limit (``adaptive``), or the current
            after the step. [B, T, n], written, or without entries where nobody reads them afterwards.
        spikes: [B, T, n], written, and listed: those of sample b from entry start[b] of ``neuron`` on, with row[b, t]
            counting those of the steps up to and with t.
    """
    steps, n, reach = x.shape[1], x.shape[2], pending.shape[1]
    slack = max(SLACK, reach)
    due = aligned((reach + slack if delayed else 1) * n, x)
    arriving = aligned(n, x)
    no_before, no_kept, no_phase = aligned(n, x), aligned(n, x), np.empty(n, np.uint8)
    waiting = pending.reshape(-1)
    found = first * steps * n
    for b in range(first, last):
        copy(waiting, b * reach * n, reach * n, due, 0)
        clear(due, reach * n)
        now, start[b] = 0, found
        for t in range(steps):
            outside, inside = x[b, t], due[now * n : (now + 1) * n]
            for j in range(n):
                arriving[j] = outside[j] + inside[j]
            u, doing = before[b, t] if before.size else no_before, phase[b, t] if phase.size else no_phase
            keep = kept[b, t] if kept.size else no_kept
            if adaptive:
                _adaptive_forward(
                    arriving, v[b], second[b], held[b], table, refractory, subtract, exceeded, held_input,
                    u, keep, doing, spikes[b, t],
                )  # fmt: skip
            else:
                _membrane_forward(
                    arriving, v[b], second[b], held[b], table, refractory, subtract, exceeded, held_input,
                    u, doing, spikes[b, t],
                )  # fmt: skip
                if kept.size:
                    copy(second[b], 0, n, keep, 0)
            before_these = found
            found = list_ones(spikes[b, t], neuron, found)
            row[b, t] = found - start[b]
            if not delayed:
                push_next(neuron, before_these, found, weight, due)
                continue
            push_taps(neuron, before_these, found, now, offset, early, late, due)
            now += 1
            if now == slack:
                copy(due, now * n, reach * n, due, 0)
                clear(due, reach * n)
                now = 0
        copy(due, now * n, reach * n, waiting, b * reach * n)


@njit(nogil=True)
def _theta_before(limit: Any, before: Any, phase: Any, table: Any, exceeded: bool, theta: Any) -> None:
    """theta after a step, from what the step kept."""
    for j in range(theta.size):
        fired = reached(before[j], limit[j], exceeded) and phase[j] != HELD
        theta[j] = limit[j] - table[THRESHOLD, j] + (table[JUMP, j] if fired else 0)


@njit(cache=True, nogil=True)
def recurrent_backward(
    first: int, last: int, grad_spikes: Any, before: Any, kept: Any, phase: Any, first_v: Any, first_second: Any,
    adaptive: bool, table: Any, code: int, number: Any, another: Any, pseudo: Any, subtract: bool, exceeded: bool,
    held_input: int, through_reset: bool, rest: Any, delayed: bool, weight: Any, offset: Any, early: Any, late: Any,
    grad_v: Any, grad_second: Any, grad_x: Any, grad_table: Any,
) -> None:  # fmt: skip
    """Tiles first to last, of `LANES` samples each.

    Args:
        grad_spikes: [B, T, n], without what comes back; read.
        before, kept, phase: as `recurrent_forward` left them. first_v, first_second: the first states, [B, n].
        table: [ROWS, n * LANES], every entry repeated for the samples.
        code, number, another: see `derivative_row`; pseudo: [B, T, n], read if the code is `GIVEN`.
        rest: gradients of the arrivals after the run, [B, R, n]; read.
        weight: [n, padded], flat, see `pull_next`; or offset, early, late, see `pull_taps`.
        grad_v, grad_second: [B, n], from the gradients of the last states to those of the first.
        grad_x: gradient of all arrivals, [B, T, n]; written.
        grad_table: [tiles, ROWS, n], the table's gradients of every tile, added to; or None, and nothing is compiled
            for them.
    """
    samples, steps, n = before.shape
    reach, size = rest.shape[1], n * LANES
    blocks = -(-n // BLOCK)
    rows = reach + 1 + max(SLACK, reach)
    gv, gs, g_out = aligned(size, before), aligned(size, before), aligned(size, before)
    u, limit, slope, gx = (
        aligned(size, before),
        aligned(size, before),
        aligned(size, before),
        aligned(size, before),
    )
    back = aligned(blocks * BLOCK * LANES, before)
    later = aligned(blocks * rows * BLOCK * LANES if delayed else 0, before)
    extra = 0 if grad_table is None else size
    old_u, old, old_v, old_second = (
        aligned(extra, before), aligned(extra, before), aligned(extra, before), aligned(extra, before)
    )  # fmt: skip
    flat_total = aligned(ROWS * extra, before)
    total = flat_total.reshape((ROWS, extra))
    doing, did = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    last_v, last_second = grad_v.reshape((samples, 1, n)), grad_second.reshape((samples, 1, n))
    start_v, start_second = first_v.reshape((samples, 1, n)), first_second.reshape((samples, 1, n))
    for tile in range(first, last):
        b0 = tile * LANES
        count = min(LANES, samples - b0)
        into_tile(last_v, b0, count, 0, gv)
        into_tile(last_second, b0, count, 0, gs)
        clear(flat_total, 0)
        copy(table[THRESHOLD], 0, size, limit, 0)
        now = rows - 1 - reach  # the row of step t: `later` is filled downwards
        if delayed:
            clear(later, 0)
            for r in range(reach):
                into_tile(rest, b0, count, r, gx)
                keep_row(gx, n, rows, now + 1 + r, later)
        else:
            into_tile(rest, b0, count, 0, gx)
        for t in range(steps - 1, -1, -1):
            if delayed:
                pull_taps(n, rows, now, offset, early, late, later, back)
            else:
                pull_next(n, blocks * BLOCK, weight, gx, back)
            into_tile(grad_spikes, b0, count, t, g_out)
            for k in range(size):
                g_out[k] += back[k]
            into_tile(before, b0, count, t, u)
            if adaptive:
                into_tile(kept, b0, count, t, limit)
            if phase.size:
                bytes_into_tile(phase, b0, count, t, doing)
            if code == GIVEN:
                into_tile(pseudo, b0, count, t, slope)
            else:
                derivative_row(code, number, another, u, limit, slope)
            if grad_table is not None:
                if t == 0:
                    into_tile(start_v, b0, count, 0, old_v)
                    into_tile(start_second, b0, count, 0, old_second)
                else:
                    into_tile(before, b0, count, t - 1, old_u)
                    into_tile(kept, b0, count, t - 1, old)
                    if phase.size:
                        bytes_into_tile(phase, b0, count, t - 1, did)
                    if adaptive:
                        _adaptive_after(old_u, old, did, table, subtract, exceeded, old_v)
                        _theta_before(old, old_u, did, table, exceeded, old_second)
                    else:
                        _membrane_after(old_u, did, table, subtract, exceeded, old_v)
                        copy(old, 0, size, old_second, 0)
                if adaptive:
                    _adaptive_learning(
                        g_out, slope, u, limit, doing, table, subtract, exceeded, held_input, through_reset, gv, gs,
                        old_v, old_second, total,
                    )  # fmt: skip
                else:
                    into_tile(kept, b0, count, t, old)
                    _membrane_learning(
                        g_out, slope, u, doing, table, subtract, exceeded, held_input, through_reset, gv, gs,
                        old_v, old_second, old, total,
                    )  # fmt: skip
            if adaptive:
                _adaptive_backward(
                    g_out,
                    slope,
                    u,
                    limit,
                    doing,
                    table,
                    subtract,
                    exceeded,
                    held_input,
                    through_reset,
                    gv,
                    gs,
                    gx,
                )
            else:
                _membrane_backward(
                    g_out, slope, u, doing, table, subtract, exceeded, held_input, through_reset, gv, gs, gx
                )
            from_tile(gx, b0, count, t, grad_x)
            if delayed:
                keep_row(gx, n, rows, now, later)
                now -= 1
                if now < 0:
                    now = rows - 1 - reach
                    move_rows(0, now + 1, reach, rows, later)
        from_tile(gv, b0, count, 0, last_v)
        from_tile(gs, b0, count, 0, last_second)
        if grad_table is not None:
            for r in range(ROWS):
                for j in range(n):
                    for k in range(j * LANES, (j + 1) * LANES):
                        grad_table[tile, r, j] += total[r, k]
