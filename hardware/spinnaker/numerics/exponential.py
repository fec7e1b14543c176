"""The exponential function of a SpiNNaker core, bit for bit.

The argument is an s16.15 word. Its integer part selects a power of e, the upper four bits of the rest a factor
``1 - exp(-k/16)``, the last eleven bits go into a quadratic polynomial (spinn_common, ``stdfix-exp.c``). The
intermediate result is u32.32, from which `expk` takes an s16.15 and `expulr` a u0.32, both by truncation.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.numerics.arithmetic import wrap

__all__ = ["expk", "expulr"]

_MASK = 0xFFFFFFFF
_LARGEST, _SMALLEST = 363408, -340695  # beyond these the result overflows s16.15 or is zero


def _tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    with localcontext() as context:
        context.prec = 60
        one = Decimal(2) ** 32
        powers = tuple(int((Decimal(i - 13).exp() * one).to_integral_value()) for i in range(26))
        factors = tuple(int(((1 - (Decimal(-k) / 16).exp()) * one).to_integral_value()) for k in range(16))
    return powers, factors


_POWERS, _FACTORS = _tables()
"""exp(i - 13) for i in 0..25 and 1 - exp(-k/16) for k in 0..15, in units of 2**-32."""


def _scale(x: int, y: int) -> int:
    """u32.32 times u0.32, rounded as the core's 32-bit multiplications do it."""
    high, low = x >> 32, (x & _MASK) * y
    return high * y + (low >> 32) + (1 if (low & _MASK) >= 0x7FFFFFFF else 0)


def _exp(n: int) -> int:
    """exp of the s16.15 word n as u32.32, for n between the two bounds."""
    z, f = n >> 15, n & 0x7FFF
    if f == 0:
        return _POWERS[13 + z]
    z, f = z + 1, 0x8000 - f  # exp(z + 1) * exp(-f), so that only decreasing factors are needed
    t = _POWERS[13 + z]
    t -= _scale(t, _FACTORS[f >> 11])
    y = (f & 0x7FF) << 17
    p = (5294 + (((4293434720 - ((2081624032 * y) >> 32)) * y) >> 32)) & _MASK
    return t - _scale(t, p)


def _expk(n: int) -> int:
    if n > _LARGEST:
        return 0x7FFFFFFF
    return int(wrap(_exp(n) >> 17)) if n >= _SMALLEST else 0


def _expulr(n: int) -> int:
    if n > _LARGEST:
        return 0x7FFFFFFF
    return _exp(n) & _MASK if n >= _SMALLEST else 0


def _apply(function: Callable[[int], int], words: Any) -> NDArray[np.int64]:
    values, position = np.unique(np.asarray(words, dtype=np.int64), return_inverse=True)
    out = np.array([function(int(v)) for v in values], dtype=np.int64)
    return out[position].reshape(np.shape(words))


def expk(words: Any) -> NDArray[np.int64]:
    """exp of s16.15 words as s16.15 words; saturates above 11.09 and is 0 below -10.4."""
    return _apply(_expk, words)


def expulr(words: Any) -> NDArray[np.int64]:
    """exp of s16.15 words (<= 0) as u0.32 words. expulr(0) is 0, not 1: a decay of exactly one cannot be expressed."""
    return _apply(_expulr, words)
