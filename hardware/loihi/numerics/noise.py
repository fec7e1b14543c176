"""Noise of a core of Loihi 1, in the formula of nengo-loihi's emulator (``emulator/interface.py``).

Each compartment with noise gets in every step

    n = trunc((r + 64 * offset) * 2^(exponent - 7))        r an integer from -127 to 127, all equally likely

added to the sum of its arrivals, or to its current and bias at the membrane. Offset of the mantissa and exponent are
registers of the core. The generator of the chip is not public and nengo-loihi draws from NumPy's: r comes from the
project's counter-based numbers, so the stream is that of no tool, and only its distribution is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim import random
from neurosim.errors import DescriptionError
from neurosim.random import philox

__all__ = ["Noise", "NoiseTarget", "add_noise", "noise_reference"]

Ints = NDArray[np.int64]


class NoiseTarget(IntEnum):
    """What noise is added to (the register ``noiseAtDendOrVm``)."""

    ARRIVALS = 0
    MEMBRANE = 1


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise registers of a core.

    Attributes:
        exponent: 1 to 23. The chip acts on a register below 7 as if it were one more, see `register_exponent`.
        offset: signed; one of it shifts r by 64.
        target: what the noise is added to.
    """

    exponent: int
    offset: int = 0
    target: NoiseTarget = NoiseTarget.ARRIVALS

    def __post_init__(self) -> None:
        if not 1 <= self.exponent <= 23:
            raise DescriptionError(
                "exponent of the noise is out of range", value=self.exponent, limit="1 to 23"
            )

    @property
    def register_exponent(self) -> int:
        """What ``noiseExp0`` must hold: one less where the chip adds one (nengo-loihi, ``hardware/builder.py``)."""
        return self.exponent - 1 if self.exponent < 7 else self.exponent


@njit(cache=True)
def add_noise(x, first, stop, key, time, exponent, offset):  # type: ignore[no-untyped-def]
    """Add the noise of step ``time`` to ``x[first:stop]``, int64 [N] in place.

    Args:
        key: uint64, from `neurosim.random.key` with the purpose ``device.noise``.
        exponent, offset: of the `Noise`.
    """
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    lane, k = np.uint64(time), np.uint64(key)
    for n in range(first, stop):
        c = philox(np.uint64(n) & mask, np.uint64(n) >> half, lane & mask, lane >> half, k & mask, k >> half)
        r = np.int64((c[0] | (c[1] << half)) % np.uint64(255)) - 127 + 64 * offset
        size = abs(r) << (exponent - 7) if exponent >= 7 else abs(r) >> (7 - exponent)
        x[n] += size if r > 0 else -size


def noise_reference(steps: int, n: int, key: int, noise: Noise) -> Ints:
    """What `add_noise` adds to compartments 0 to n - 1 in each step, in plain NumPy: int64 [steps, n]."""
    words = [random.bits(key, np.arange(n), lane=t) for t in range(steps)]
    r = (np.array(words, dtype=np.uint64).reshape(steps, n) % np.uint64(255)).astype(np.int64) - 127
    return np.trunc((r + 64 * noise.offset) * 2.0 ** (noise.exponent - 7)).astype(np.int64)
