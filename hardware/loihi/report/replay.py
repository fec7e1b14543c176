"""Neurons run again on given arrivals, with the chip's numbers and arithmetic or without some of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.profiles import CurrentRule, Numerics
from neurosim.hardware.loihi.report.roundings import NeuronNumbers, Rounding

__all__ = ["FREE", "replay"]

Floats = NDArray[np.float64]

FREE = -1
"""In the agreed spikes: the neuron decides itself."""

_ONCE, _WRAP = int(CurrentRule.WRAP_ONCE), int(CurrentRule.WRAP)


def replay(
    arrivals: Floats,
    numbers: NeuronNumbers,
    numerics: Numerics,
    rounded: Collection[Rounding],
    *,
    v_max: float,
    agreed: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.uint8], Floats]:
    """Run n neurons for T steps, by the equations of `neurosim.hardware.loihi.numerics.lif`.

    With every rounding this is the chip, exactly: float64 holds its integers. With none it is the float engine up to
    the order of its sums.

    Args:
        arrivals: [T, n] in register units.
        rounded: of it, `Rounding.STATE` and `Rounding.OVERFLOW` count here; the others are in ``numbers``.
        v_max: largest potential register.
        agreed: [T, n]: 1 or 0 where the outcome is known, `FREE` elsewhere; None: all free.

    Returns:
        Spikes uint8 [T, n], those that the neurons decided on, and potentials [T, n] before the reset.
    """
    steps, n = arrivals.shape
    spikes, before = np.zeros((steps, n), np.uint8), np.zeros((steps, n))
    limited = Rounding.OVERFLOW in rounded
    _run(
        np.ascontiguousarray(arrivals, np.float64), numbers.keep_u, numbers.keep_v, numbers.bias, numbers.threshold,
        numbers.refractory, numbers.reached, Rounding.STATE in rounded,
        numerics.accumulator_bits if limited else 0, int(numerics.current) if limited else 0,
        numerics.bias_bits if limited else 0, float(numerics.v_min) if limited else -np.inf,
        min(v_max, float(numerics.v_max)) if limited else np.inf, numbers.u.copy(), numbers.v.copy(),
        np.full((1, n), FREE, np.int8) if agreed is None else agreed, spikes, before,
    )  # fmt: skip
    return spikes, before


@njit(cache=True)
def _wrap(x, bits):  # type: ignore[no-untyped-def]
    whole = 2.0**bits
    return x - whole * np.floor((x + 0.5 * whole) / whole)


@njit(cache=True)
def _run(  # type: ignore[no-untyped-def]
    arrivals, keep_u, keep_v, bias, threshold, refractory, reached, whole, accumulator_bits, current_rule, bias_bits,
    v_min, v_max, u, v, agreed, spikes, before,
):  # fmt: skip
    steps, n = arrivals.shape
    known = agreed.shape[0] == steps
    dead = np.zeros(n)
    for t in range(steps):
        for i in range(n):
            x = arrivals[t, i]
            if accumulator_bits:
                x = _wrap(x, accumulator_bits)
            kept = u[i] * keep_u[i]
            x += np.trunc(kept) if whole else kept
            if current_rule == _ONCE:
                if x > 2.0**23:
                    x -= 2.0**24
                if x <= -(2.0**23):
                    x += 2.0**24
            elif current_rule == _WRAP:
                x = _wrap(x, 24)
            u[i] = x
            x += bias[i]
            if bias_bits:
                x = _wrap(x, bias_bits)
            kept = v[i] * keep_v[i]
            x += np.trunc(kept) if whole else kept
            x = min(max(x, v_min), v_max)
            if dead[i] > 0:
                x = 0.0
            before[t, i] = x
            fires = x >= threshold[i] if reached else x > threshold[i]
            if dead[i] > 0:
                fires = False
            spikes[t, i] = fires
            if known and agreed[t, i] >= 0:
                fires = agreed[t, i] > 0
            if fires:
                x = 0.0
                dead[i] = refractory[i]
            if dead[i] > 0:
                dead[i] -= 1
            v[i] = x
