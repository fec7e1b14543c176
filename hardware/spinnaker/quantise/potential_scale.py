"""How potentials of a population are laid into s16.15: one scale, a power of two, and an offset."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PotentialScale", "largest", "leaky_scale", "perfect_scale", "power_of_two"]

Float = NDArray[np.float64]
RANGE = 64000.0  # s16.15 reaches to 65536
_FINE = 4096.0  # largest range of a potential from reset to threshold, in device units


@dataclass(frozen=True)
class PotentialScale:
    """Device value = (network value - offset) * scale.

    ``v_rest``: where the machine's leak leads to; ``sticks``: how far above it a potential comes to rest, because the
    core rounds, in relation to the way from reset to threshold.
    """

    scale: float
    offset: float
    v_rest: Float
    sticks: float = 0.0


def largest(x: Float) -> float:
    """The largest of values that are not negative; 0 without values."""
    return float(np.max(x, initial=0.0))


def power_of_two(x: float) -> float:
    """The largest power of two that is not above x."""
    return float(2.0 ** math.floor(math.log2(x)))


def leaky_scale(
    levels: list[Float], v_rest: Float, threshold: Float | None, jump: Float, drive: Float, leak: Float
) -> PotentialScale:
    """Fine enough for the way from reset to threshold, and so that alpha = in R + V_rest and alpha - V fit.

    Args:
        levels: all potentials that are parameters, [n] each; the second is the reset.
        jump: largest change of the potential by the input of one step, [n].
        drive: constant change of the potential a step, [n].
        leak: 1 - decay factor of a step, [n].
    """
    offset = float(v_rest[0]) if np.all(v_rest == v_rest[0]) else 0.0
    static = np.max([np.abs(x - offset) for x in levels], axis=0)
    steady = (jump + np.abs(drive)) / leak + np.abs(
        v_rest - offset
    )  # where such an input would hold the neuron
    need = largest(steady + np.maximum(steady, static))
    fits = RANGE / need if need > 0 else math.inf
    span = (
        0.0 if threshold is None else largest(np.maximum(threshold - levels[1], np.abs(threshold - v_rest)))
    )
    unit = span or largest(jump) or largest(static) or 1.0
    scale = power_of_two(min(fits, power_of_two(_FINE / unit)))
    return PotentialScale(scale, offset, v_rest, 2.0**-15 / scale / float(np.min(leak)) / unit)


def perfect_scale(
    v_reset: Float, v_init: Float, threshold: Float, reach: Float, inhibited: bool
) -> PotentialScale:
    """All potentials in use within [V_rest, V_rest + 1/2), where the slowest leak of the machine takes nothing off.

    Args:
        reach: largest change of the potential in one step, [n].
        inhibited: leave as much room below the lowest parameter as there is from there to the threshold.
    """
    low = float(min(np.min(v_reset), np.min(v_init)))
    span = largest(threshold - low)
    if inhibited:
        low, span = low - span, 2 * span
    scale = power_of_two(
        min(0.5 / span, 3.8 / max(largest(reach), 1e-12))
    )  # in R = 2**14 in stays below 2**16
    return PotentialScale(scale, low, np.full(len(v_reset), low))
