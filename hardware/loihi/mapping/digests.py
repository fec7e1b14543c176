"""Sums of scrambled words, by which equal lists are found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["scrambled"]


def scrambled(word: NDArray[Any]) -> NDArray[np.uint64]:
    """A bijection of 64-bit words whose sums tell multisets apart (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = word.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
