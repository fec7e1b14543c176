"""Where a number left its register: the causes, and how the kernels note them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Cause", "Overflows", "located", "note", "overflow_rows"]

Ints = NDArray[np.int64]


class Cause:
    """Numbers of the causes in an overflow row, what they say, and what became of the value.

    Later versions add causes at the end; size the count by ``len(Cause.NAMES)``.
    """

    ACCUMULATOR, CURRENT, BIAS, UPPER, LOWER, STATE, MESSAGE = range(7)
    NAMES = (
        "the sum of arrivals wrapped",
        "the synaptic current wrapped",
        "current plus bias wrapped",
        "the potential saturated at its upper limit",
        "the potential saturated at its lower limit",
        "a state left the 24 bits of its register and was kept, as in Lava",
        "a message left the 24 bits of the widest graded spike and was sent, as in Lava",
    )
    KINDS = ("wrap", "wrap", "wrap", "saturation", "saturation", "excess", "excess")


@dataclass(frozen=True)
class Overflows:
    """How often each `Cause` struck, and the first overflows as rows (cause, step, compartment, value).

    A cause that strikes only later has one row more, its first. The value is the one before it was wrapped or clipped.
    """

    count: Ints
    rows: Ints


def overflow_rows(rows: int) -> tuple[Ints, Ints]:
    """Empty ``rows`` and ``count`` for a kernel that shall keep the first ``rows`` overflows with their place."""
    causes = len(Cause.NAMES)
    return np.zeros((rows + causes, 4), dtype=np.int64), np.zeros(causes, dtype=np.int64)


@njit(cache=True)
def note(cause, time, neuron, value, rows, count):  # type: ignore[no-untyped-def]
    """Count an overflow and keep its place if there is room: the last rows are for the first of each cause."""
    at, common = count.sum(), rows.shape[0] - count.shape[0]
    if at >= common:
        at = max(common, 0) + cause if count[cause] == 0 else rows.shape[0]
    if at < rows.shape[0]:
        rows[at, 0], rows[at, 1], rows[at, 2], rows[at, 3] = cause, time, neuron, value
    count[cause] += 1


def located(rows: Ints, count: Ints) -> Ints:
    """The rows that `note` filled in, in the order of the steps."""
    common = max(len(rows) - len(count), 0)
    first = rows[: min(common, int(count.sum()))]
    late = [rows[common + c] for c in np.flatnonzero(count).tolist() if c not in first[:, 0]]
    return np.array([*first, *sorted(late, key=lambda row: int(row[1]))], dtype=np.int64).reshape(-1, 4)
