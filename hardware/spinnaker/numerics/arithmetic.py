"""The integer operations of a SpiNNaker core on its fixed-point types.

``accum`` is s16.15 in a signed 32-bit word (one unit is 2**-15, range -65536 to just under 65536); ``unsigned long
fract`` is u0.32 in an unsigned 32-bit word. Multiplications round toward minus infinity and nothing saturates:
results wrap modulo 2**32. The operations are those of spinn_common's ``stdfix-full-iso.h`` and sPyNNaker's
``maths-util.h``, ``decay.h`` and ``c_main_neuron_common.h``.

Each function takes and returns int64 words, Python integers or arrays of them; the first four also run inside Numba
kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

__all__ = [
    "ONE",
    "accum",
    "ceil_accum",
    "decay",
    "divide",
    "divide_by_integer",
    "multiply",
    "to_float",
    "wrap",
    "wraps",
]

ONE = 1 << 15
"""The word of 1.0 in s16.15."""


def wrap(x: Any) -> Any:
    """x modulo 2**32 as a signed number."""
    return ((x + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def wraps(x: Any) -> Any:
    """1 where x does not fit a signed 32-bit word, else 0."""
    return 1 * ((x > 0x7FFFFFFF) | (x < -0x80000000))


def multiply(a: Any, b: Any) -> Any:
    """accum times accum before it is wrapped: the 64-bit product shifted right by 15 (floor)."""
    return (a * b) >> 15


def decay(x: Any, factor: Any) -> Any:
    """accum times u0.32 (floor); it always fits a word."""
    return (x * factor) >> 32


def divide(a: Any, b: Any) -> Any:
    """accum divided by accum, truncated and wrapped. Both operands positive, b not zero."""
    return wrap((a << 15) // b)


def divide_by_integer(a: Any, n: int) -> Any:
    """accum divided by a positive integer, truncated."""
    return a // n


def ceil_accum(a: Any) -> Any:
    """The smallest integer that is not below the accum a (a >= 0)."""
    return (a + ONE - 1) >> 15


def accum(value: float | NDArray[np.floating[Any]], where: str = "value") -> NDArray[np.int64]:
    """Numbers as s16.15 words, rounded to nearest with ties to even.

    The host decides ties by the decimal text of a number, see `pynn.conversion.s1615`.

    Raises:
        CapacityError: a number is outside the range of s16.15.
    """
    from neurosim.errors import CapacityError

    x = np.asarray(value, dtype=np.float64)
    words = np.rint(x * ONE)
    if not np.all((words >= -(2.0**31)) & (words < 2.0**31)):  # NaN fails too
        worst = float(x.reshape(-1)[np.argmax(np.abs(x))]) if x.size else 0.0
        raise CapacityError(
            "does not fit the 32-bit fixed-point format s16.15",
            where=where,
            value=worst,
            limit="-65536 <= x < 65536",
        )
    return words.astype(np.int64)


def to_float(words: Any) -> NDArray[np.float64]:
    """s16.15 words as numbers."""
    return np.asarray(words, dtype=np.float64) / ONE


for _function in (wrap, wraps, multiply, decay):
    register_jitable(_function)
