"""Synaptic weights of a Loihi-style core: sign modes, clipping, truncation, exponents.

A stored weight m acts on the state as ``m * 2^(6 + exponent)``. Three public models of the chip are covered, which
differ in what becomes of bits that are dropped:

                                          of few weight bits             of a negative exponent
    Lava (`effective`, `dense`)           floor (INHIBITORY: to zero)    floor of the sum of the arrivals
    nengo-loihi (`discretise`)            round, halves to even          round of every synapse, halves to even
    brian2-loihi (`brian2_effective`)     toward zero                    floor of every synapse

With delays Lava takes the floor of the sum of each arrival slot and source step, see `delay_slots`. All agree where
weights of mixed sign are even and the bits that a negative exponent drops are zero; `is_common` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import DescriptionError, UnsupportedError
from neurosim.hardware.loihi.numerics.arithmetic import shift

__all__ = [
    "WEIGHT_WIDTHS",
    "OptimisedWeights",
    "SignMode",
    "brian2_effective",
    "dense",
    "discretise",
    "effective",
    "is_common",
    "loihi2_weights",
    "optimise_bits",
    "sign_mode",
    "weight_range",
    "weight_step",
]

Ints = NDArray[np.int64]

WEIGHT_WIDTHS = (0, 1, 2, 3, 4, 5, 6, 8)
"""Bits of a weight for the values 0..7 of the register field."""


class SignMode(IntEnum):
    """Sign of the weights of a synapse format (the field ``fanoutType``; NULL behaves as EXCITATORY)."""

    NULL = 0
    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3


def sign_mode(weight: ArrayLike) -> SignMode:
    """EXCITATORY if no weight is negative, INHIBITORY if none is positive, else MIXED."""
    weight = np.asarray(weight)
    if weight.size == 0 or weight.min() >= 0:
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if weight.max() <= 0 else SignMode.MIXED


def weight_range(mode: SignMode) -> tuple[int, int]:
    """Smallest and largest weight that every model of the chip holds in this mode."""
    return {SignMode.MIXED: (-256, 254), SignMode.INHIBITORY: (-255, 0)}.get(mode, (0, 255))


def weight_step(mode: SignMode, weight_bits: int = 8) -> int:
    """Distance of the weights that fit that many bits: the low ones are not stored, nor is one of mixed signs."""
    return (2 if mode is SignMode.MIXED else 1) << (8 - weight_bits)


def effective(weight: ArrayLike, mode: SignMode, num_weight_bits: int = 8) -> Ints:
    """Weights as Lava's connection holds them: clipped to the range of the mode, low bits dropped.

    The dropped bits round toward minus infinity for MIXED and toward zero for INHIBITORY (whose magnitude is
    truncated).
    """
    weight = np.asarray(weight, dtype=np.int64)
    mixed = mode is SignMode.MIXED
    k = 8 - num_weight_bits + mixed
    if k < 0 or num_weight_bits < 0:
        raise DescriptionError(
            "width of the weights is out of range", value=num_weight_bits, limit=f"0 to {8 + mixed}"
        )
    if mode is SignMode.INHIBITORY:
        return -((np.clip(-weight, 0, 255) >> k) << k)
    return (np.clip(weight, -256 if mixed else 0, 255) >> k) << k


def dense(weight: Ints, spikes: Ints, exponent: int) -> Ints:
    """What a dense connection delivers: ``(weight @ spikes) * 2^exponent``, the floor taken of the sum.

    Args:
        weight: `effective` weights int64 [n_out, n_in].
        spikes: int64 [..., n_in], 0 and 1, or signed payloads for graded spikes.

    Returns:
        int64 [..., n_out], in units of a weight (the neuron shifts by six).
    """
    return shift(np.asarray(spikes, dtype=np.int64) @ weight.T, exponent)


@dataclass(frozen=True)
class OptimisedWeights:
    """Weights moved up to use all bits; ``weight * 2^exponent`` are the old ones."""

    weight: Ints
    num_weight_bits: int
    exponent: int


def optimise_bits(weight: ArrayLike, mode: SignMode) -> OptimisedWeights:
    """Shift weights up to use the whole width, with a compensating exponent and the fewest bits, like Lava."""
    weight = np.asarray(weight, dtype=np.int64)
    mixed = mode is SignMode.MIXED
    high, low = float(weight.max(initial=0)), float(weight.min(initial=0))
    up, down = (127.0, 128.0) if mixed else (255.0, 255.0)
    scales = []
    if mode is not SignMode.INHIBITORY and high > 0:
        scales.append(up / high)
    if mode in (SignMode.MIXED, SignMode.INHIBITORY) and low < 0:
        scales.append(down / -low)
    exponent = -(int(np.floor(np.log2(min(scales)))) + mixed) if scales else 0
    common = int(np.bitwise_or.reduce(np.abs(weight), axis=None)) if weight.size else 0
    zeros = next((n for n in range(8, 0, -1) if common % (1 << n) == 0), 0)
    return OptimisedWeights(shift(weight, -exponent), 8 + exponent - (zeros - mixed), exponent)


def loihi2_weights(optimised: OptimisedWeights, mode: SignMode) -> Ints:
    """The optimised weights as Loihi 2 stores them: without their empty low bits.

    Raises:
        UnsupportedError: odd weights of mixed sign over the full range, which need a ninth bit.
    """
    if optimised.num_weight_bits > 8:
        raise UnsupportedError(
            "weights of mixed sign need 9 bits", limit="8 bits", remedy="Use even weights from -256 to 254"
        )
    return (optimised.weight >> (8 - optimised.num_weight_bits)) >> (mode is SignMode.MIXED)


def discretise(weight: ArrayLike, exponent: int, width_field: int, mode: SignMode) -> Ints:
    """What scaled weights (float, -255..255) act with on the state (``<< 6``) as nengo-loihi discretises them."""
    w = np.asarray(weight)
    if not 1 <= width_field <= 7:
        raise DescriptionError("field of the weight width is out of range", value=width_field, limit="1 to 7")
    s = 8 - WEIGHT_WIDTHS[width_field] + (mode is SignMode.MIXED)
    largest = (1 << (8 - s)) - 1 if s <= 8 else 0
    rounded = np.clip(np.rint(w / 2.0**s), -largest, largest)
    s2 = s + exponent
    if s2 >= 0:
        stored = rounded.astype(np.int64) << s2
    else:  # a second rounding may reach 2^(8 + exponent), one more than the register holds
        limit = 2.0 ** (8 + exponent)
        stored = np.clip(np.rint(rounded * 2.0**s2), -limit, limit - 1).astype(np.int64)
    return stored << 6


def brian2_effective(weight: ArrayLike, mode: SignMode, num_weight_bits: int, exponent: int) -> Ints:
    """What weights act with on the state in brian2-loihi: truncated toward zero, shifted one by one, clipped.

    A weight acts with at most 2^21 - 64 either way.

    Raises:
        DescriptionError: beyond what brian2-loihi takes: weights from -256 to 254 (MIXED), to 0 (INHIBITORY) or from 0
            to 255 (EXCITATORY), widths from 0 to 8, exponents from -8 to 7.
    """
    weight = np.asarray(weight, dtype=np.int64)
    limits = {SignMode.MIXED: (-256, 254), SignMode.INHIBITORY: (-256, 0)}.get(mode, (0, 255))
    _check_range("weight", weight, *limits)
    _check_range("width of the weights", num_weight_bits, 0, 8)
    _check_range("exponent of the weights", exponent, -8, 7)
    lost = 1 << (8 - num_weight_bits + (mode is SignMode.MIXED))
    kept = np.sign(weight) * (np.abs(weight) // lost) * lost
    return np.clip(shift(kept, exponent) << 6, -(1 << 21) + 64, (1 << 21) - 64)


def _check_range(name: str, values: ArrayLike, low: int, high: int) -> None:
    x = np.asarray(values)
    if x.size and not (low <= x.min() and x.max() <= high):
        raise DescriptionError(
            f"{name} is out of range", value=[int(x.min()), int(x.max())], limit=f"{low} to {high}"
        )


def is_common(weight: ArrayLike, exponent: int, mode: SignMode) -> bool:
    """Whether all models of the chip agree on these stored weights: in range, even if MIXED, no bits dropped."""
    weight = np.asarray(weight, dtype=np.int64)
    low, high = weight_range(mode)
    step = max(1 << max(-exponent, 0), 2 if mode is SignMode.MIXED else 1)
    in_range = weight.size == 0 or (low <= weight.min() and weight.max() <= high)
    return -7 <= exponent <= 7 and in_range and not np.any(weight % step)
