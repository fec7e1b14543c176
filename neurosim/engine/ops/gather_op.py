"""Ops that bring the arrivals of a tile together in the thread's scratch: x[receptor, neuron]."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from neurosim.engine.ops.driver import TILE
from neurosim.engine.ops.generate import load_generated
from neurosim.engine.ops.native import SHORT

__all__ = ["clear_op", "gather_op"]

_TEMPLATE = '''"""Gathering from rings of {ring_type} into arrivals of {real_type}. Generated; do not edit."""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, njit

from neurosim.engine.ops.native import OP, SeparateArrays, i64_at, {ring}_at, {real}_at


@njit(error_model="numpy", pipeline_class=SeparateArrays)
def take(x, ring, weight, size):
    for n in range(size):
        x[n] {assign} {value}
        ring[n] = 0


@cfunc(OP, cache=True, error_model="numpy")
def gather(table, sample, low, high, step, scratch):
    """x[receptor] {assign} weight * ring[step], which is cleared.

    table: ring, mask, neurons, receptor, address of weight."""
    t = carray(i64_at(table), 5)
    own = carray(i64_at(scratch), 4)
    size, tile = t[2], high - low
    at = ((sample * (t[1] + 1) + (step & t[1])) * size + low) * {itemsize}
    ring = carray({ring}_at(t[0] + at), tile)
    x = carray({real}_at(own[0] + t[3] * {TILE} * {real_itemsize}), tile)
    take(x, ring, carray({real}_at(t[4]), 1)[0], tile)
'''

_CLEAR = '''"""Emptying the arrivals of a tile ({real_type}). Generated; do not edit."""

from __future__ import annotations

from numba import carray, cfunc

from neurosim.engine.ops.native import OP, i64_at, {real}_at


@cfunc(OP, cache=True, error_model="numpy")
def clear(table, sample, low, high, step, scratch):
    """x[receptor] = 0, or current = 0. table: receptor (-1: current)."""
    receptor = carray(i64_at(table), 1)[0]
    own = carray(i64_at(scratch), 4)
    x = carray({real}_at(own[3] if receptor < 0 else own[0] + receptor * {TILE} * {real_itemsize}), high - low)
    x[:] = 0
'''


@lru_cache
def gather_op(ring: Any, real: Any, *, first: bool) -> int:
    """Address of the compiled op for a ring of this type: sums are taken as they are, counts times the weight.

    ``first``: whether this is the first ring of its receptor, and so begins the sum.
    """
    kind, target = np.dtype(ring), np.dtype(real)
    text = _TEMPLATE.format(
        ring_type=kind.name,
        real_type=target.name,
        ring=SHORT[kind.name],
        real=SHORT[target.name],
        itemsize=kind.itemsize,
        real_itemsize=target.itemsize,
        TILE=TILE,
        assign="=" if first else "+=",
        value=f"weight * np.{target.name}(ring[n])" if kind.kind == "u" else "ring[n]",
    )
    address: int = load_generated("gather", text).gather.address
    return address


@lru_cache
def clear_op(real: Any) -> int:
    """Address of the compiled op that empties the arrivals at a receptor, or the injected current."""
    target = np.dtype(real)
    text = _CLEAR.format(
        real_type=target.name, real=SHORT[target.name], real_itemsize=target.itemsize, TILE=TILE
    )
    address: int = load_generated("gather", text).clear.address
    return address
