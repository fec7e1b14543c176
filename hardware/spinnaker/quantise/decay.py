"""Parameter words from which a core derives the constants that a network asks for.

The core computes exp_TC = expk(-dt/tau_m), R = tau_m/c_m and the synaptic decay expulr(-dt/tau_syn) itself, with its
own truncating divider and exponential. Words for tau and c are searched so that the derived constants come as close
as fixed point allows. The machine's step is always 1 ms (one unit), so a time constant in ms is one in steps.
"""

from __future__ import annotations

import math
from functools import lru_cache

from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE, divide
from neurosim.hardware.spinnaker.numerics.exponential import expk, expulr

__all__ = ["LARGEST_DECAY", "membrane_words", "synapse_tau_word"]

_LARGEST_WORD = 2**31 - 1
_FASTEST = 340696  # exp of anything below minus this is zero
LARGEST_DECAY = ONE - 2
"""The largest decay factor of a membrane, as a word, that the core's exponential gives for an argument below zero."""
_CANDIDATES = 256
_UNIT = ONE * ONE


def _quotients(factor: float, where: str) -> list[int]:
    """Words q = dt/tau whose exponential may be nearest to a decay factor."""
    if not 0.0 <= factor <= 1.0:
        raise UnsupportedError(
            "the decay factor of a step is negative or above one",
            where=where,
            value=factor,
            limit="0 to 1",
            remedy="Use a time constant of at least dt",
        )
    q = _FASTEST if factor < 1e-5 else min(_FASTEST, max(1, round(-math.log(factor) * ONE)))
    # above 2**15 not every word is a quotient of words
    near = {_UNIT // tau for tau in range(max(1, _UNIT // q - 3), _UNIT // q + 4)}
    return sorted({k for k in range(max(1, q - 3), q + 4) if _UNIT // (_UNIT // k) == k} | near)


@lru_cache(4096)
def membrane_words(factor: float, resistance: float | None, where: str) -> tuple[int, int, int, int]:
    """Words of tau_m and c_m, and of the derived exp_TC and R.

    Args:
        factor: decay factor of a step, 0 to 1; above ``LARGEST_DECAY`` the largest is taken.
        resistance: R; None means 1 / (1 - exp_TC), with which an input of one moves the potential by one.

    For ``resistance=None`` R is the next representable value that is not below the one asked for, else the nearest
    one found; where R is large for the time constant, representable values lie far apart.
    """
    wanted = min(factor * ONE, LARGEST_DECAY)
    q = min(_quotients(factor, where), key=lambda q: abs(int(expk(-q)) - wanted))
    exp_tc = int(expk(-q))
    target = ONE * (ONE / (ONE - exp_tc) if resistance is None else resistance)
    goal = max(1, math.ceil(target - 1e-6) if resistance is None else round(target))
    first, last = _UNIT // (q + 1) + 1, min(_UNIT // q, _LARGEST_WORD)
    best: tuple[int, int, int] | None = None
    for i in range(_CANDIDATES):
        tau = last - (last - first) * i // _CANDIDATES
        c = min((tau << 15) // goal, _LARGEST_WORD)
        r = int(divide(tau, c)) if c else _LARGEST_WORD + 1
        if best is None or abs(r - goal) < abs(best[2] - goal):
            best = tau, c, r
        if best[2] == goal:
            break
    if best is None or not 0 < best[2] <= _LARGEST_WORD or not 0.5 < best[2] / target < 2.0:
        raise UnsupportedError(
            "no parameters give this membrane resistance on the machine", where=where, value=target / ONE
        )
    return best[0], best[1], exp_tc, best[2]


@lru_cache(4096)
def synapse_tau_word(factor: float, where: str) -> tuple[int, float, float]:
    """Word of tau_syn, and the derived decay factor and scale of an arriving weight, both as numbers."""
    if factor <= 0.0:
        raise UnsupportedError("a synaptic current without memory", where=where, value=factor, limit="> 0")
    q = min(_quotients(factor, where), key=lambda q: abs(int(expulr(-q)) / 2**32 - factor))
    first, last = _UNIT // (q + 1) + 1, min(_UNIT // q, _LARGEST_WORD)
    decay = int(expulr(-q))
    for i in range(_CANDIDATES):
        tau = last - (last - first) * i // _CANDIDATES
        init = (int(divide(tau, ONE)) * (0xFFFFFFFF - decay)) >> 15
        if init <= 0xFFFFFFFF:  # else the core's product wraps
            return tau, decay / 2**32, init / 2**32
    raise UnsupportedError(
        "the synaptic time constant is too long for the machine",
        where=where,
        value=f"{-1 / math.log(factor):.3g} steps",
        remedy="Use a shorter one, or a larger dt",
    )
