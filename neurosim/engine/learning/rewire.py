"""Pruning and regrowth of the synapses of a projection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.plasticity.rewiring import Rewiring

__all__ = ["rewired", "rows_like"]


def rewired(
    rows: SynapseRows, weight: NDArray[Any], rule: Rewiring, delay: int, key: int, step: int, recurrent: bool
) -> tuple[SynapseRows, NDArray[np.int64]]:
    """New rows, and for each synapse its place in the old rows or -1 where it is new.

    Args:
        weight: [n_syn], as they are now.
        delay: of new synapses, in steps.
        key: of the random stream; ``step`` tells apart the times of one run.
        recurrent: whether both sides are one population.
    """
    pre, target, delays = rows.sources(), rows.targets(), rows.delays()
    kept = np.flatnonzero(np.abs(weight) >= rule.below)
    pre, target, delays = pre[kept], target[kept], delays[kept]
    vacant = np.minimum(rule.fan_in - np.bincount(target, minlength=rows.n_post), rule.growth)
    by_target = np.argsort(target, kind="stable")
    bounds = np.searchsorted(target[by_target], np.arange(rows.n_post + 1))
    grown: list[NDArray[np.int64]] = []
    onto: list[NDArray[np.int64]] = []
    for j in np.flatnonzero(vacant > 0):
        free = np.ones(rows.n_pre, np.bool_)
        free[pre[by_target[bounds[j] : bounds[j + 1]]]] = False
        if recurrent:
            free[j] = False
        candidates = np.flatnonzero(free)
        order = np.argsort(random.bits(key, j * rows.n_pre + candidates, lane=step), kind="stable")
        grown.append(candidates[order[: vacant[j]]])
        onto.append(np.full(len(grown[-1]), j))
    if grown:
        new = np.concatenate(grown)
        pre, target = np.concatenate([pre, new]), np.concatenate([target, *onto])
        delays = np.concatenate([delays, np.full(len(new), delay)])
        kept = np.concatenate([kept, np.full(len(new), -1)])
    order = np.lexsort((target, delays, pre))
    return rows_like(rows, pre[order], target[order], delays[order]), kept[order]


def rows_like(rows: SynapseRows, pre: NDArray[Any], target: NDArray[Any], delay: NDArray[Any]) -> SynapseRows:
    """Rows of other synapses, sorted already, in the layout of some rows: the compiled ops are made for that."""
    word = target.astype(rows.word.dtype)
    if rows.target_bits:
        word |= delay.astype(rows.word.dtype) << rows.word.dtype.type(rows.target_bits)
    start = np.zeros(rows.n_pre + 1, np.int64)
    np.cumsum(np.bincount(pre, minlength=rows.n_pre), out=start[1:])
    return replace(rows, row_start=start, word=word, weight=np.zeros(1, rows.weight.dtype))
