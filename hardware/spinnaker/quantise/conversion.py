"""What the host does to weights, delays and spike times before it sends them (sPyNNaker 7.4.1).

Weights become 16-bit magnitudes: the receptor carries the sign, the left shift of the receptor the scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONDUCTANCE_SCALE", "delay_steps", "raw_weights", "spike_steps", "weight_of", "weight_scale"]

CONDUCTANCE_SCALE = 1024.0
"""Global weight scale of conductance models; current models have 1."""


def weight_scale(shift: int, global_scale: float = 1.0) -> float:
    """Raw weight units per unit of weight (nA or uS) at a left shift: the chip sees ``raw << shift`` as s16.15."""
    return float(2.0 ** (15 - shift) * global_scale)


def raw_weights(weights: Any, shift: int, global_scale: float = 1.0) -> NDArray[np.uint16]:
    """Weights as the host encodes them: magnitude times scale, to nearest with ties to even, modulo 2**16.

    The host does not clip: a weight of 2**(shift+1) or more silently wraps to a small one. Compiling checks for that.
    """
    scaled = np.rint(np.abs(np.asarray(weights, dtype=np.float64)) * weight_scale(shift, global_scale))
    return (scaled.astype(np.uint64) & np.uint64(0xFFFF)).astype(np.uint16)


def weight_of(raw: Any, shift: int, global_scale: float = 1.0) -> NDArray[np.float64]:
    """The weight that a raw weight stands for."""
    return np.asarray(raw, dtype=np.float64) / weight_scale(shift, global_scale)


def delay_steps(delays: Any, dt: float) -> NDArray[np.int64]:
    """Delays (in the unit of dt) as steps: to nearest with ties to even, at least one."""
    return np.maximum(np.rint(np.asarray(delays, dtype=np.float64) / dt), 1).astype(np.int64)


def spike_steps(times_ms: Any, timestep_us: int) -> NDArray[np.int64]:
    """Steps in which a spike source array sends spikes asked for at these times."""
    micros = np.floor(np.asarray(times_ms, dtype=np.float64) * 1000.0)
    return np.ceil(micros / timestep_us).astype(np.int64)
