"""What weights of a file become on their way through lava-dl's loader into Lava's connection.

The loader shifts weights up as far as they go and hands on the exponent that undoes it (``netx/utils.py``,
``optimize_weight_bits``); Lava's ``Dense`` then clips and truncates them (``utils/weightutils.py``). Between the two
some weights are lost: -64 alone becomes 0, since -64 * 4 = -256 is clipped to -255 and truncated to no bits at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.numerics.weights import SignMode, sign_mode

__all__ = ["loaded_weights", "shifted_weights"]

Ints = NDArray[np.int64]

_INT32_BITS = 32


def loaded_weights(stored: Sequence[Ints]) -> tuple[list[Ints], int]:
    """Matrices that share an exponent as Lava holds them, and that exponent (0 or less).

    ``held * 2^exponent`` equals the stored numbers unless the loader misreads them. Where all held weights are whole
    then, they are returned so, with exponent 0.

    Raises:
        ZeroDivisionError: only zero weights, on which the loader fails.
    """
    held, exponent = shifted_weights(stored)
    up = max(-exponent, 0)
    if not any(np.any(w % (1 << up)) for w in held):
        return [w >> up for w in held], 0
    return held, exponent


def shifted_weights(stored: Sequence[Ints]) -> tuple[list[Ints], int]:
    """The same without taking the exponent in: the numbers that Lava multiplies by."""
    highest, lowest = max(int(w.max()) for w in stored), min(int(w.min()) for w in stored)
    if highest == lowest == 0:
        raise ZeroDivisionError("only zero weights")
    if (highest > 254 and lowest < 0) or (lowest < -256 and highest > 0):
        stored = [np.clip(w, -256, 254) for w in stored]
        highest, lowest = max(int(w.max()) for w in stored), min(int(w.min()) for w in stored)
    mixed = lowest < 0 <= highest
    up, down = (127, 128) if mixed else (255, 256)
    scales = [up / highest] if highest > 0 else []
    scales += [-down / lowest] if lowest < 0 else []
    bits = int(np.floor(np.log2(min(scales)))) + mixed
    common = int(np.bitwise_or.reduce([int(np.bitwise_or.reduce(np.abs(w), axis=None)) for w in stored]))
    zeros = min((common & -common).bit_length() - 1, 8)
    truncated = bits + zeros - mixed  # 8 - num_weight_bits
    return [_in_lava(_left(w, bits), truncated) for w in stored], -bits


def _in_lava(weight: Ints, truncated: int) -> Ints:
    """Clipped and truncated by the sign mode that Lava finds by itself."""
    mode = sign_mode(weight)
    if mode is SignMode.INHIBITORY:
        return -_cut(np.clip(-weight, 0, 255), truncated)
    if mode is SignMode.MIXED:
        return _cut(np.clip(weight, -256, 255), truncated + 1)
    return _cut(np.clip(weight, 0, 255), truncated)


def _cut(x: Ints, bits: int) -> Ints:
    return _left(x >> bits, bits) if 0 <= bits < _INT32_BITS else np.zeros_like(x)


def _left(x: Ints, bits: int) -> Ints:
    """NumPy's shift of int32: by less than nothing gives 0."""
    return x << bits if 0 <= bits < _INT32_BITS else np.zeros_like(x)
