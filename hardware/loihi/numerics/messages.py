"""What a connection makes of a spike: a bit, or the number that a graded spike carries."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GRADED_BITS", "received"]

GRADED_BITS = (8, 16, 24)
"""Widths of the graded spikes that Lava names (``magma/core/model/spike_type.py``); no model clips to them."""


def received(message: ArrayLike, num_message_bits: int) -> NDArray[np.int64]:
    """Messages as the dense, sparse, delayed and convolving connections of Lava take them, int64 of the same shape.

    With ``num_message_bits`` 0 whatever is not 0 counts as 1; with more bits the number is taken as it is, with its
    sign, and beyond that many bits too.
    """
    message = np.asarray(message, dtype=np.int64)
    return message if num_message_bits > 0 else np.asarray(message != 0, dtype=np.int64)
