"""The 40-bit events of N-MNIST and N-Caltech101 (ATIS camera).

Five bytes an event, big-endian: x (8 bits), y (8), polarity (1), time in microseconds (23). One with y = 240 is not
a change but says that the camera's counter overflowed: 2^13 us are added to all later times. Source: G. Orchard et al.,
Converting static image datasets to spiking neuromorphic datasets using saccades, Front. Neurosci. 9:437 (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurosim.datasets.events import Events
from neurosim.errors import FileFormatError

__all__ = ["read"]

BYTES_PER_EVENT = 5
OVERFLOW_Y, OVERFLOW_US = 240, 2**13
SENSOR = (2, 34, 34)


def read(path: Path, shape: Sequence[int] | None = None) -> Events:
    """One recording; ``shape`` defaults to N-MNIST's (2, 34, 34).

    Raises:
        FileFormatError: the size is not a multiple of five bytes.
        DataError: an event lies off the sensor.
    """
    raw = np.fromfile(path, np.uint8)
    if raw.size % BYTES_PER_EVENT:
        raise FileFormatError(
            "truncated or foreign", where=str(path), value=f"{raw.size} bytes", limit="a multiple of 5"
        )
    x, y, high, middle, low = raw.reshape(-1, BYTES_PER_EVENT).T.astype(np.int64)
    overflow = y == OVERFLOW_Y
    t = ((high & 0x7F) << 16 | middle << 8 | low) + OVERFLOW_US * np.cumsum(overflow)
    keep = ~overflow
    order = np.argsort(t[keep], kind="stable")
    return Events(
        t[keep][order], x[keep][order], y[keep][order], (high >> 7)[keep][order], shape=shape or SENSOR
    )
