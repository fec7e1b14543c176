"""In which order populations are updated, how many steps at a time, and what each knows by then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.ops.driver import SUB_BLOCK
from neurosim.engine.plan import Plan

__all__ = ["known_ahead", "places", "stage_tables", "sub_blocks"]


def places(plan: Plan) -> dict[str, tuple[int, int]]:
    """(stage, level) of every population."""
    return {
        name: (s, level)
        for s, stage in enumerate(plan.stages)
        for level, names in enumerate(stage.levels)
        for name in names
    }


def known_ahead(place: Mapping[str, tuple[int, int]], pre: str, post: str) -> bool:
    """Whether a source is an input, or runs before the target: in an earlier stage, or an earlier level of its own."""
    return pre not in place or place[pre] < place[post]


def sub_blocks(plan: Plan) -> list[int]:
    """Steps of a sub-block of every stage: one where synapses learn."""
    learning = {p.post for p in plan.projections if p.plasticity is not None and p.n_synapses}
    lengths = [min(stage.block or SUB_BLOCK, SUB_BLOCK) for stage in plan.stages]
    return [1 if learning & set(s.populations) else n for s, n in zip(plan.stages, lengths, strict=True)]


def stage_tables(plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The tables ``stages`` and ``members`` of `neurosim.engine.ops.driver.run_steps`."""
    number = {name: i for i, name in enumerate(plan.populations)}
    stages: list[list[int]] = []
    members: list[list[int]] = []
    for stage, length in zip(plan.stages, sub_blocks(plan), strict=True):
        first = len(members)
        members += [[number[name] for name in level] for level in stage.levels]
        stages.append([first, len(members), length])
    table = np.zeros((len(members), 1 + max(map(len, members))), np.int64)
    for row, level in zip(table, members, strict=True):
        row[0] = len(level)
        row[1 : 1 + len(level)] = level
    return np.array(stages, np.int64), table
