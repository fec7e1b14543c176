"""A short text that tells one set of spikes from another. Peers compute it too, under their own interpreters."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["raster_digest"]


def raster_digest(step: NDArray[Any], neuron: NDArray[Any], neurons: int) -> str:
    """16 hexadecimal digits of (step, neuron) pairs in any order; equal for equal spikes."""
    cells = np.sort(np.asarray(step, np.int64) * neurons + np.asarray(neuron, np.int64))
    return hashlib.blake2b(cells.astype("<i8").tobytes(), digest_size=8).hexdigest()
