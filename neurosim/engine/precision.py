"""In which floating-point numbers a run computes."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

__all__ = ["Precision"]


class Precision(Enum):
    """Type of state, coefficients, arrivals and plastic weights. Static weights stay as they are described."""

    DOUBLE = "float64"
    SINGLE = "float32"
    """half the memory and about twice as fast; 7 digits, so that spikes near the threshold move by steps"""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type."""
        return np.dtype(self.value)
