"""What the host does to numbers before it sends them (sPyNNaker 7.4.1).

Parameters become s16.15. Weights become 16-bit magnitudes: the receptor carries the sign, the left shift of the
receptor the scale. Times become steps.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE
from neurosim.hardware.spinnaker.numerics.ring_buffer import raw_unit

__all__ = [
    "CONDUCTANCE_SCALE",
    "delay_steps",
    "raw_weights",
    "s1615",
    "spike_steps",
    "weight_of",
    "weight_scale",
]

CONDUCTANCE_SCALE = 1024.0
"""Global weight scale of conductance models; current models have 1."""

_MICROSECONDS = 1000  # of a millisecond
_NEAR_TIE = 1e-6  # far above what a double is off the decimal text, times 2**15, below 65536


def s1615(values: Any, where: str = "value") -> NDArray[np.int64]:
    """Numbers as words of s16.15: the shortest decimal text of each times 32768, to nearest with ties to even.

    Args:
        where: what the numbers are, for the message.

    Raises:
        CapacityError: a number is outside [-65536, 65536). The host does not clip but refuses it.
    """
    x = np.asarray(values, np.float64)
    inside = (x >= -65536.0) & (x <= 65536.0 - 1 / ONE)  # not a number is not inside
    if not inside.all():
        raise CapacityError(
            "does not fit s16.15, the number format of the machine",
            where=where,
            value=float(x.reshape(-1)[np.argmin(inside.reshape(-1))]),
            limit="-65536 to 65535.99997",
        )
    scaled = np.atleast_1d(x * ONE)
    words = np.rint(scaled).astype(np.int64)
    for at in np.argwhere(np.abs(scaled - np.floor(scaled) - 0.5) < _NEAR_TIE):
        words[tuple(at)] = round(Decimal(repr(float(scaled[tuple(at)] / ONE))) * ONE)  # the text decides ties
    return words.reshape(x.shape)


def weight_scale(shift: int, global_scale: float = 1.0) -> float:
    """Raw weight units per unit of weight (nA or uS) at a left shift: the chip sees ``raw << shift`` as s16.15."""
    return float(global_scale / raw_unit(shift))


def raw_weights(weights: Any, shift: int, global_scale: float = 1.0) -> NDArray[np.uint16]:
    """Weights as the host encodes them: magnitude times scale, to nearest with ties to even, modulo 2**16.

    The host does not clip: a weight of 2**(shift+1) or more silently wraps to a small one. Compiling checks for that.
    """
    scaled = np.rint(np.abs(np.asarray(weights, dtype=np.float64)) * weight_scale(shift, global_scale))
    return (scaled.astype(np.uint64) & np.uint64(0xFFFF)).astype(np.uint16)


def weight_of(raw: Any, shift: int, global_scale: float = 1.0) -> NDArray[np.float64]:
    """The weight that a raw weight stands for."""
    return np.asarray(raw, dtype=np.float64) / weight_scale(shift, global_scale)


def delay_steps(delays_ms: Any, timestep_us: int) -> NDArray[np.int64]:
    """Delays as steps: to nearest with ties to even, at least one."""
    delays = np.asarray(delays_ms, dtype=np.float64) * (_MICROSECONDS / timestep_us)
    return np.maximum(np.rint(delays), 1).astype(np.int64)


def spike_steps(times_ms: Any, timestep_us: int) -> NDArray[np.int64]:
    """Steps in which a spike source array sends spikes asked for at these times."""
    micros = np.floor(np.asarray(times_ms, dtype=np.float64) * 1000.0)
    return np.ceil(micros / timestep_us).astype(np.int64)
