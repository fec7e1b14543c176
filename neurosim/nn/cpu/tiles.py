"""Tiles of `LANES` samples: a step of theirs, ``[LANES, n]`` in memory, with the samples side by side, ``[n, LANES]``.

In a tile one vector instruction serves a neuron, or a synapse, of all samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import errors
from numba.extending import intrinsic

from neurosim.nn.cpu.lanes import LANES

__all__ = ["bytes_into_tile", "from_tile", "into_tile", "transpose"]


@intrinsic
def transpose(
    typingctx: Any, source: Any, start: Any, stride: Any, target: Any, first: Any, pitch: Any
) -> Any:
    """target[first + j pitch + b] = source[start + b stride + j] for b, j < LANES; flat indices, not checked."""
    for array in (source, target):
        if (
            not isinstance(array, types.Array)
            or array.layout != "C"
            or not isinstance(array.dtype, types.Float)
        ):
            raise errors.TypingError(f"needs a C-contiguous array of float32 or float64, not {array}")
    if source.dtype != target.dtype:
        raise errors.TypingError("needs arrays of one type")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_data_type(source.dtype)
        vector, align = ir.VectorType(kind, LANES), source.dtype.bitwidth // 8

        def place(array: Any, value: Any, begin: Any, step: Any, k: int) -> Any:
            data = context.make_array(array)(context, builder, value).data
            index = builder.add(begin, builder.mul(step, ir.Constant(ir.IntType(64), k)))
            return builder.bitcast(builder.gep(data, [index], inbounds=True), vector.as_pointer())

        rows = [
            builder.load(place(source, args[0], args[1], args[2], k), align=align, typ=vector)
            for k in range(LANES)
        ]
        for d in (1, 2, 4, 8):  # swap blocks of d x d off the diagonal of blocks of 2d x 2d
            low = [lane if not lane & d else LANES + lane - d for lane in range(LANES)]
            high = [lane + d if not lane & d else LANES + lane for lane in range(LANES)]
            masks = [ir.Constant(ir.VectorType(ir.IntType(32), LANES), mask) for mask in (low, high)]
            for k in range(LANES):
                if not k & d:
                    a, b = rows[k], rows[k + d]
                    rows[k], rows[k + d] = (builder.shuffle_vector(a, b, mask) for mask in masks)
        for k, row in enumerate(rows):
            builder.store(row, place(target, args[3], args[4], args[5], k), align=align)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), codegen


@njit(nogil=True)
def into_tile(x: Any, first: int, count: int, t: int, tile: Any) -> None:
    """tile[j * LANES + b] = x[first + b, t, j] for b < count, zero for the other lanes; x ``[B, T, n]``, tile flat."""
    steps, n = x.shape[1], x.shape[2]
    whole = 0
    if count == LANES:
        whole = n - n % LANES
        for j in range(0, whole, LANES):
            transpose(x, (first * steps + t) * n + j, steps * n, tile, j * LANES, LANES)
    elif whole < n:
        for k in range(n * LANES):
            tile[k] = 0
    for b in range(count):
        row = x[first + b, t]
        for j in range(whole, n):
            tile[np.uint64(j * LANES + b)] = row[j]


@njit(nogil=True)
def from_tile(tile: Any, first: int, count: int, t: int, x: Any) -> None:
    """x[first + b, t, j] = tile[j * LANES + b] for b < count; x ``[B, T, n]``, tile flat."""
    steps, n = x.shape[1], x.shape[2]
    whole = 0
    if count == LANES:
        whole = n - n % LANES
        for j in range(0, whole, LANES):
            transpose(tile, j * LANES, LANES, x, (first * steps + t) * n + j, steps * n)
    for b in range(count):
        row = x[first + b, t]
        for j in range(whole, n):
            row[j] = tile[np.uint64(j * LANES + b)]


@njit(nogil=True)
def bytes_into_tile(x: Any, first: int, count: int, t: int, tile: Any) -> None:
    """`into_tile` for bytes; lanes from ``count`` on stay as they are."""
    for b in range(count):
        row = x[first + b, t]
        for j in range(row.size):
            tile[np.uint64(j * LANES + b)] = row[j]
