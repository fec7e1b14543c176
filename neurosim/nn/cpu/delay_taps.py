"""Delays as taps on the time grid, and what the taps' sums say about the gradients of weights and delays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = ["finish_pairs", "split", "transposed"]


@njit(cache=True, nogil=True)
def _step_and_share(delay: Any, longest: int, whole: bool) -> Any:
    """m and f of a delay; f is 0 or 1, whichever is nearer, if ``whole``. Not a number: m is 0 and f is none either."""
    d = min(max(delay, 0), longest)
    if d != d:
        return 0, d
    m = min(math.floor(d), max(longest - 1, 0))
    return m, math.floor(d - m + 0.5) if whole else d - m


@njit(cache=True, nogil=True)
def split(
    first: int, last: int, weight: Any, delay: Any, longest: int, whole: bool,
    step: Any, early: Any, late: Any,
) -> None:  # fmt: skip
    """step = m, early = w (1 - f) and late = w f of rows first to last; all ``[n_post, n_pre]``.

    Delays are clamped to [0, longest] and m to longest - 1: at the longest delay f is one.
    """
    for j in range(first, last):
        for i in range(weight.shape[1]):
            m, f = _step_and_share(delay[j, i], longest, whole)
            step[j, i] = m
            early[j, i] = weight[j, i] * (1 - f)
            late[j, i] = weight[j, i] * f


@njit(cache=True, nogil=True)
def transposed(
    first: int, last: int, step: Any, early: Any, late: Any, offset: Any, early_of: Any, late_of: Any
) -> None:
    """The taps by presynaptic neuron, ``[n_pre, n_post]``: offset = m * n_post + j, and both weights."""
    n_post, n_pre = step.shape
    for start in range(first, last, 16):  # a cache line of the rows that are read
        for j in range(n_post):
            for i in range(start, min(start + 16, last, n_pre)):
                offset[i, j] = step[j, i] * np.uint32(n_post) + np.uint32(j)
                early_of[i, j] = early[j, i]
                late_of[i, j] = late[j, i]


@njit(cache=True, nogil=True)
def finish_pairs(
    first: int, last: int, weight: Any, delay: Any, longest: int, whole: bool, pairs: Any,
    grad_weight: Any, grad_delay: Any,
) -> None:  # fmt: skip
    """dL/dw and dL/dd of rows first to last from ``pairs [ceil(n_post / 4), n_pre, 16]``.

    Entries 4 k to 4 k + 3 belong to the k-th row of four: two that add up to A0, and two that add up to A1.
    """
    for j in range(first, last):
        k = 4 * (j % 4)
        for i in range(weight.shape[1]):
            _, f = _step_and_share(delay[j, i], longest, whole)
            a0 = pairs[j // 4, i, k] + pairs[j // 4, i, k + 1]
            a1 = pairs[j // 4, i, k + 2] + pairs[j // 4, i, k + 3]
            grad_weight[j, i] = (1 - f) * a0 + f * a1
            grad_delay[j, i] = weight[j, i] * (a1 - a0)
