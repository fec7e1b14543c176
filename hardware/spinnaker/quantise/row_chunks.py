"""A projection in pieces, so that large ones need little memory beside what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurosim.engine.plan import PlanProjection

__all__ = ["row_chunks"]

_SYNAPSES = 1 << 19


def row_chunks(p: PlanProjection, most: int = _SYNAPSES) -> Iterator[PlanProjection]:
    """The projection cut between source neurons into pieces of about ``most`` synapses, in order.

    The source neurons of a piece count from its first one; arrays that a piece makes vanish with it.
    """
    rows, start = p.rows, p.row_start
    shared = len(rows.weight) != p.n_synapses
    first = 0
    while first < p.n_pre:
        last = int(np.searchsorted(start, start[first] + most, side="right")) - 1
        last = min(max(last, first + 1), p.n_pre)
        here = slice(int(start[first]), int(start[last]))
        yield replace(
            p,
            rows=replace(
                rows,
                n_pre=last - first,
                row_start=start[first : last + 1] - start[first],
                word=rows.word[here],
                weight=rows.weight if shared else rows.weight[here],
            ),
        )
        first = last
