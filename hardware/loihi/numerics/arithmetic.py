"""Integer arithmetic of a Loihi-style core: decays toward zero, wrapping registers, shifts that floor.

Every rule exists twice: as a scalar function that Numba compiles into the kernels, and as a NumPy expression
over arrays that the tests compare it with. All values are 64-bit integers.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import CapacityError

__all__ = [
    "BIAS_EXPONENT_MAX",
    "BIAS_MANTISSA_MAX",
    "STATE_MAX",
    "bias_fields",
    "decay",
    "decay_array",
    "shift",
    "wrap",
    "wrap_array",
    "wrap_once",
    "wrap_once_array",
]

STATE_MAX = (1 << 23) - 1
"""Largest magnitude of the 24-bit membrane potential."""

BIAS_MANTISSA_MAX = 4095
BIAS_EXPONENT_MAX = 7


@njit(cache=True)
def decay(x: int, keep: int) -> int:
    """``sign(x) * ((|x| * keep) >> 12)``: keep ``keep/4096`` of ``x``, rounded toward zero for both signs.

    In two parts, since currents without a limit (graded spikes in the rules of Lava) reach values whose product with
    ``keep`` is beyond 64 bits.
    """
    m = -x if x < 0 else x
    m = (m >> 12) * keep + (((m & 4095) * keep) >> 12)
    return -m if x < 0 else m


@njit(cache=True)
def wrap(x: int, bits: int) -> int:
    """``x`` as a two's-complement register of ``bits`` bits holds it."""
    half = 1 << (bits - 1)
    return ((x + half) & ((1 << bits) - 1)) - half


@njit(cache=True)
def wrap_once(x: int) -> int:
    """The wrap of Lava's 24-bit current: subtract or add 2^24 once, which is no modulo.

    Values lie in (-2^23, 2^23] for inputs up to three times that; +2^23 stays, -2^23 becomes +2^23.
    """
    if x > 1 << 23:
        x -= 1 << 24
    if x <= -(1 << 23):
        x += 1 << 24
    return x


def decay_array(x: NDArray[np.int64], keep: ArrayLike) -> NDArray[np.int64]:
    """`decay` over arrays, in plain NumPy."""
    m, keep = np.abs(x), np.asarray(keep, dtype=np.int64)
    return np.sign(x) * ((m >> 12) * keep + (((m & 4095) * keep) >> 12))


def wrap_array(x: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """`wrap` over arrays, in plain NumPy."""
    half = 1 << (bits - 1)
    return np.asarray((x + half) % (2 * half) - half, dtype=np.int64)


def wrap_once_array(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """`wrap_once` over arrays, in plain NumPy."""
    x = np.where(x > 1 << 23, x - (1 << 24), x)
    return np.where(x <= -(1 << 23), x + (1 << 24), x)


def shift(x: ArrayLike, exponent: ArrayLike) -> NDArray[np.int64]:
    """``x * 2^exponent``: a left shift, or an arithmetic right shift (toward minus infinity)."""
    x, exponent = np.asarray(x, dtype=np.int64), np.asarray(exponent, dtype=np.int64)
    return np.where(exponent >= 0, x << np.maximum(exponent, 0), x >> np.maximum(-exponent, 0))


def bias_fields(bias: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Mantissa (13-bit signed, at most 4095) and exponent (0..7) of each bias, as nengo-loihi chooses them.

    The register pair holds ``mantissa << exponent``; halves round to even.

    Raises:
        CapacityError: a bias is beyond 4095 * 2^7.
    """
    bias = np.asarray(bias, dtype=np.float64)
    limit = BIAS_MANTISSA_MAX << BIAS_EXPONENT_MAX
    if bias.size and (worst := float(np.abs(bias).max())) > limit:
        raise CapacityError("bias does not fit its register", value=worst, limit=f"magnitude at most {limit}")
    # ceil(log2(r)) without the rounding error of a floating-point logarithm: r = m * 2^e with 0.5 <= m < 1
    mantissa, exponent = np.frexp(np.maximum(np.abs(bias) / BIAS_MANTISSA_MAX, 1.0))
    exponents = np.where(mantissa == 0.5, exponent - 1, exponent).astype(np.int64)
    return np.rint(bias / np.exp2(exponents)).astype(np.int64), exponents
