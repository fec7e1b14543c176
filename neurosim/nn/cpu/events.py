"""Lists of the non-zero entries of arrays ``[B, T, n]``."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from neurosim.bits import lowest_bit
from neurosim.nn.cpu.rows import row_of

__all__ = ["list_ones", "list_row", "scan"]


@intrinsic
def nonzero_of_64(typingctx: Any, flat: Any, k: Any) -> Any:
    """Which of the 64 entries of a contiguous float array from k on are not zero, as the bits of a uint64; entry k is
    the lowest."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(flat)(context, builder, args[0])
        element = context.get_data_type(flat.dtype)
        vector = ir.VectorType(element, 64)
        at = builder.bitcast(builder.gep(array.data, [args[1]]), vector.as_pointer())
        found = builder.load(at, align=context.get_abi_sizeof(element))
        mask = builder.fcmp_unordered("!=", found, ir.Constant(vector, [0.0] * 64))
        return builder.bitcast(mask, ir.IntType(64))

    return types.uint64(flat, types.int64), codegen


@njit(nogil=True)
def list_row(flat: Any, start: int, n: int, neuron: Any, value: Any, found: int) -> int:
    """Append the non-zero entries among the n of ``flat`` from ``start`` on: which, and their values.

    ``found`` of them are there before; returns how many are there after.
    """
    k = 0
    while k + 64 <= n:
        bits = nonzero_of_64(flat, start + k)
        while bits != 0:
            i = k + lowest_bit(bits)
            neuron[found] = i
            value[found] = flat[start + i]
            found += 1
            bits &= bits - np.uint64(1)
        k += 64
    while k < n:
        if flat[start + k] != 0:
            neuron[found] = k
            value[found] = flat[start + k]
            found += 1
        k += 1
    return found


@njit(nogil=True)
def list_ones(row: Any, neuron: Any, found: int) -> int:
    """Append the non-zero entries of a contiguous row to ``neuron``, which holds ``found``; returns how many then."""
    n, k = row.size, 0
    while k + 64 <= n:
        bits = nonzero_of_64(row, k)
        while bits != 0:
            neuron[found] = k + lowest_bit(bits)
            found += 1
            bits &= bits - np.uint64(1)
        k += 64
    while k < n:
        if row[k] != 0:
            neuron[found] = k
            found += 1
        k += 1
    return found


@njit(cache=True, nogil=True)
def scan(first: int, last: int, x: Any, row: Any, start: Any, neuron: Any, value: Any) -> None:
    """List the non-zero entries of samples first to last of x [B, T, n], from entry ``first * T * n`` on.

    Those of sample b begin at entry ``start[b]`` of ``neuron`` and ``value``; ``row[b, t]`` counts those of the steps
    up to and with t. Samples follow each other closely, so that memory is touched only for what is found.
    """
    steps, n = x.shape[1], x.shape[2]
    flat = row_of(x, 0, x.size)
    found = first * steps * n
    for b in range(first, last):
        start[b] = found
        for t in range(steps):
            found = list_row(flat, (b * steps + t) * n, n, neuron, value, found)
            row[b, t] = found - start[b]
