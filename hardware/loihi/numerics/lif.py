"""The leaky integrate-and-fire compartment of a Loihi-style core, bit for bit.

With ``decay(x, keep)`` rounding toward zero, one step of a compartment is

    u <- decay(u, keep_u) + q            wrapped as `CurrentRule` says; q: the arrivals, in units of the state
    v <- decay(v, keep_v) + u + bias     clipped to [v_min, v_max]; 0 while the dead-time counter runs
    spike if v > threshold               then v <- 0 and the counter starts at `refractory`

and the counter goes down by one at the end of every step, so that ``refractory`` steps give
``refractory - 1`` dead ones. In the register names of the chip keep_u = 4095 - du and keep_v = 4096 - dv.

Options of the one kernel: the rules of a `Numerics`; a reset of u and v at an interval, as Lava's ``LIFReset`` has; a
second threshold below which a spike is negative, as Lava's ``TernaryLIF`` has; noise, which is an addend of q or of the
bias (see `neurosim.hardware.loihi.numerics.noise`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from neurosim.hardware.loihi.numerics.arithmetic import (
    decay,
    decay_array,
    wrap,
    wrap_array,
    wrap_once,
    wrap_once_array,
)
from neurosim.hardware.loihi.numerics.overflow import Cause, Overflows, located, note, overflow_rows
from neurosim.hardware.loihi.numerics.profiles import LAVA, CurrentRule, Numerics

__all__ = [
    "Cause",
    "Overflows",
    "Registers",
    "Trace",
    "located",
    "reference",
    "resets",
    "run",
    "step",
    "ternary_step",
]

Ints = NDArray[np.int64]

_WRAP_ONCE, _WRAP = int(CurrentRule.WRAP_ONCE), int(CurrentRule.WRAP)


@dataclass(frozen=True, kw_only=True)
class Registers:
    """Registers of n compartments, int64 [n] each; numbers are spread over all compartments.

    ``keep_u`` = 4095 - du, ``keep_v`` = 4096 - dv, ``threshold`` in units of the state (mantissa << 6),
    ``bias`` the value (mantissa << exponent), ``refractory`` >= 1.
    """

    keep_u: Ints
    keep_v: Ints
    bias: Ints
    threshold: Ints
    refractory: Ints
    v_min: Ints
    v_max: Ints

    @staticmethod
    def of(
        n: int,
        *,
        du: ArrayLike,
        dv: ArrayLike,
        threshold: ArrayLike,
        bias: ArrayLike = 0,
        refractory: ArrayLike = 1,
        v_min: ArrayLike | None = None,
        v_max: ArrayLike | None = None,
        numerics: Numerics = LAVA,
    ) -> Registers:
        """Registers of ``n`` compartments from the fields of the chip."""
        return Registers(
            keep_u=_start(n, 4095 - np.asarray(du, dtype=np.int64)),
            keep_v=_start(n, 4096 - np.asarray(dv, dtype=np.int64)),
            bias=_start(n, bias),
            threshold=_start(n, threshold),
            refractory=_start(n, refractory),
            v_min=_start(n, numerics.v_min if v_min is None else v_min),
            v_max=_start(n, numerics.v_max if v_max is None else v_max),
        )


@dataclass(frozen=True)
class Trace:
    """State after every step: ``u``, ``v``, ``spike``, ``dead`` (the counter), each int64 [T, n]."""

    u: Ints
    v: Ints
    spike: Ints
    dead: Ints
    overflows: Overflows


@njit(cache=True)
def ternary_step(  # type: ignore[no-untyped-def]
    first, stop, time, q, u, v, dead, spike, keep_u, keep_v, bias, threshold, threshold_low, refractory, v_min, v_max,
    accumulator_bits, current_rule, bias_bits, rows, count,
):  # fmt: skip
    """`step` of compartments ``first`` to ``stop - 1`` with a second threshold.

    ``spike`` is 1 above ``threshold``, -1 below ``threshold_low``, else 0. Both at once, where the lower threshold is
    above the upper one, cancel: then the potential is not reset, as in Lava's ``TernaryLIF``.
    """
    for n in range(first, stop):
        arrived = np.int64(q[n])
        taken = wrap(arrived, accumulator_bits) if accumulator_bits else arrived
        current = decay(u[n], keep_u[n]) + taken
        held = current
        if current_rule == _WRAP_ONCE:
            held = wrap_once(current)
        elif current_rule == _WRAP:
            held = wrap(current, 24)
        u[n] = held
        driven = held + bias[n]
        drive = wrap(driven, bias_bits) if bias_bits else driven
        raw = decay(v[n], keep_v[n]) + drive
        x = min(max(raw, v_min[n]), v_max[n])
        if taken != arrived or held != current or drive != driven or x != raw:
            values = (arrived, current, driven, raw, raw)
            strikes = (taken != arrived, held != current, drive != driven, x < raw, x > raw)
            for cause in range(5):
                if strikes[cause]:
                    note(cause, time, n, values[cause], rows, count)
        if dead[n] > 0:
            x = np.int64(0)
        sign = np.int64(x > threshold[n]) - np.int64(x < threshold_low[n])
        if sign != 0:
            x = np.int64(0)
            dead[n] = refractory[n]
        if dead[n] > 0:
            dead[n] -= 1
        v[n] = x
        spike[n] = sign


@njit(cache=True)
def step(  # type: ignore[no-untyped-def]
    time, q, u, v, dead, spike, keep_u, keep_v, bias, threshold, refractory, v_min, v_max,
    accumulator_bits, current_rule, bias_bits, rows, count,
):  # fmt: skip
    """Advance n compartments by one step in place: ``u``, ``v``, ``dead`` are state, ``spike`` is 0 or 1.

    All arrays are int64 [n]; ``rows`` and ``count`` from `overflow_rows` collect overflows (read them with `located`).
    """
    ternary_step(  # the potential is never below v_min
        np.int64(0), q.shape[0], time, q, u, v, dead, spike, keep_u, keep_v, bias, threshold, v_min, refractory, v_min,
        v_max, accumulator_bits, current_rule, bias_bits, rows, count,
    )  # fmt: skip


@njit(cache=True)
def resets(time: int, interval: int, offset: int) -> bool:
    """Whether u and v are zeroed before step ``time`` (counted from 0): every ``interval`` steps; never if that is 0.

    With Lava's count of steps, t = time + 1, this is t mod interval = offset mod interval.
    """
    return interval > 0 and (time + 1 - offset) % interval == 0


@njit(cache=True)
def _run(  # type: ignore[no-untyped-def]
    q, u, v, dead, keep_u, keep_v, bias, threshold, threshold_low, refractory, v_min, v_max,
    accumulator_bits, current_rule, bias_bits, reset_every, reset_offset, us, vs, spikes, deads, rows, count,
):  # fmt: skip
    first = np.int64(0)  # for the number itself Numba would compile the kernel once more
    for t in range(q.shape[0]):
        if resets(t, reset_every, reset_offset):
            u[:], v[:] = 0, 0
        ternary_step(
            first, q.shape[1], t, q[t], u, v, dead, spikes[t], keep_u, keep_v, bias[t % bias.shape[0]], threshold,
            threshold_low, refractory, v_min, v_max, accumulator_bits, current_rule, bias_bits, rows, count,
        )  # fmt: skip
        for n in range(q.shape[1]):  # quicker to compile than an assignment of slices
            us[t, n], vs[t, n], deads[t, n] = u[n], v[n], dead[n]


def _start(n: int, value: ArrayLike) -> Ints:
    # a copy: Numba would compile again for a view that is read-only
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.int64), (n,)), order="C")


def run(
    q: Ints,
    registers: Registers,
    numerics: Numerics,
    *,
    u: ArrayLike = 0,
    v: ArrayLike = 0,
    threshold_low: ArrayLike | None = None,
    membrane: Ints | None = None,
    reset_every: int = 0,
    reset_offset: int = 0,
    rows: int = 64,
) -> Trace:
    """Run compartments on given arrivals with the compiled kernel.

    Args:
        q: arrivals int64 [T, n], in units of the state (weights already shifted by six).
        u, v: initial state.
        threshold_low: in units of the state, below which a spike is -1; none by default.
        membrane: int64 [T, n], added to the bias in each step: noise at the membrane.
        reset_every, reset_offset: zero u and v before steps, see `resets`.
        rows: how many overflows to keep with their place; all are counted.
    """
    steps, n = q.shape
    r = registers
    low = r.v_min if threshold_low is None else _start(n, threshold_low)
    us, vs, spikes, deads = (np.zeros((steps, n), dtype=np.int64) for _ in range(4))
    bias = r.bias[None] if membrane is None else np.ascontiguousarray(r.bias + membrane)
    found, count = overflow_rows(rows)
    _run(
        np.ascontiguousarray(q, dtype=np.int64), _start(n, u), _start(n, v), _start(n, 0), r.keep_u, r.keep_v, bias,
        r.threshold, low, r.refractory, r.v_min, r.v_max, numerics.accumulator_bits, int(numerics.current),
        numerics.bias_bits, reset_every, reset_offset, us, vs, spikes, deads, found, count,
    )  # fmt: skip
    return Trace(us, vs, spikes, deads, Overflows(count, located(found, count)))


def reference(
    q: Ints,
    registers: Registers,
    numerics: Numerics,
    *,
    u: ArrayLike = 0,
    v: ArrayLike = 0,
    threshold_low: ArrayLike | None = None,
    membrane: Ints | None = None,
    reset_every: int = 0,
    reset_offset: int = 0,
) -> Trace:
    """The same as `run` in plain NumPy; overflows are counted, not located."""
    steps, n = q.shape
    r = registers
    low = r.v_min if threshold_low is None else _start(n, threshold_low)
    us, vs, spikes, deads = (np.zeros((steps, n), dtype=np.int64) for _ in range(4))
    u_now, v_now, dead = _start(n, u), _start(n, v), _start(n, 0)
    count = np.zeros(len(Cause.NAMES), dtype=np.int64)
    for t in range(steps):
        if reset_every and (t + 1) % reset_every == reset_offset % reset_every:
            u_now, v_now = np.zeros_like(u_now), np.zeros_like(v_now)
        raw = np.asarray(q[t], dtype=np.int64)
        arrivals = wrap_array(raw, numerics.accumulator_bits) if numerics.accumulator_bits else raw
        count[Cause.ACCUMULATOR] += np.count_nonzero(arrivals != raw)
        raw = decay_array(u_now, r.keep_u) + arrivals
        if numerics.current is CurrentRule.WRAP_ONCE:
            u_now = wrap_once_array(raw)
        else:
            u_now = wrap_array(raw, 24) if numerics.current is CurrentRule.WRAP else raw
        count[Cause.CURRENT] += np.count_nonzero(u_now != raw)
        raw = u_now + r.bias + (0 if membrane is None else membrane[t])
        drive = wrap_array(raw, numerics.bias_bits) if numerics.bias_bits else raw
        count[Cause.BIAS] += np.count_nonzero(drive != raw)
        raw = decay_array(v_now, r.keep_v) + drive
        count[Cause.UPPER] += np.count_nonzero(raw > r.v_max)
        count[Cause.LOWER] += np.count_nonzero(raw < r.v_min)
        v_new = np.where(dead > 0, 0, np.clip(raw, r.v_min, r.v_max))
        spike = (v_new > r.threshold).astype(np.int64) - (v_new < low)
        v_now = np.where(spike != 0, 0, v_new)
        dead = np.maximum(np.where(spike != 0, r.refractory, dead) - 1, 0)
        us[t], vs[t], spikes[t], deads[t] = u_now, v_now, spike, dead
    return Trace(us, vs, spikes, deads, Overflows(count, np.zeros((0, 4), dtype=np.int64)))
