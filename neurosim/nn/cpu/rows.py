"""Entries of rows that do not overlap, so that a loop over them turns into vector instructions.

A compiler must expect that what a loop writes to one array is read from another in its next round; with a dozen
arrays it gives up, or tests all pairs before each loop. `read` and `write` name the row that an entry belongs to, and
tell LLVM (``alias.scope``, ``noalias``) that rows of different names have no entry in common. Whoever calls a function
made of them must see to that; a row that is only read may be passed under several names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import errors
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

__all__ = ["choose", "copy", "entry", "fetch_row", "read", "row_of", "write"]

NAMES = (
    "x", "v", "i", "theta", "held", "table", "refractory", "before", "limit", "phase", "spikes", "pseudo", "after",
    "previous", "current", "out", "grad_out", "grad_v", "grad_i", "grad_theta", "grad_x",
    "grad_0", "grad_1", "grad_2", "grad_3", "grad_4", "grad_5", "grad_6",
)  # fmt: skip
"""The rows there are."""


def _access(kind: Any, name: Any) -> str:
    if not isinstance(kind, types.Array) or kind.layout != "C":
        raise errors.TypingError(f"needs a C-contiguous array, not {kind}")
    if not isinstance(name, types.StringLiteral) or name.literal_value not in NAMES:
        raise errors.TypingError(f"needs the name of a row, not {name}")
    return str(name.literal_value)


def _pointer(context: Any, builder: Any, array: Any, value: Any, index: Any) -> Any:
    return builder.gep(context.make_array(array)(context, builder, value).data, [index], inbounds=True)


def _mark(builder: Any, access: Any, name: str) -> None:
    module = builder.module
    domain = module.add_metadata(["neurosim.nn rows"])
    scopes = {row: module.add_metadata([f"neurosim.nn row {row}", domain]) for row in NAMES}
    access.set_metadata("alias.scope", module.add_metadata([scopes[name]]))
    access.set_metadata("noalias", module.add_metadata([s for row, s in scopes.items() if row != name]))


@intrinsic(prefer_literal=True)
def read(typingctx: Any, array: Any, index: Any, name: Any) -> Any:
    """Entry ``index`` of an array of numbers, counted from its start in memory, not checked."""
    row = _access(array, name)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1])
        found = builder.load(pointer, align=array.dtype.bitwidth // 8, typ=context.get_data_type(array.dtype))
        _mark(builder, found, row)
        return found

    return array.dtype(array, types.intp, name), codegen


@intrinsic(prefer_literal=True)
def write(typingctx: Any, array: Any, index: Any, name: Any, number: Any) -> Any:
    """Set entry ``index`` of an array of numbers."""
    row = _access(array, name)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1])
        _mark(builder, builder.store(args[3], pointer, align=array.dtype.bitwidth // 8), row)
        return context.get_dummy_value()

    return types.void(array, types.intp, name, array.dtype), codegen


@njit(inline="always")
def entry(table: Any, row: int, index: int) -> Any:
    """Entry ``index`` of a row of the table ``[rows, n]``."""
    return read(table, row * table.shape[1] + index, "table")


@intrinsic
def row_of(typingctx: Any, array: Any, start: Any, size: Any) -> Any:
    """``size`` entries of a contiguous array from entry ``start`` on, as an array that does not keep it alive.

    A slice would count a reference, with two locked instructions, which cost as much as a short row's step.
    """
    _access(array, types.literal(NAMES[0]))
    kind = types.Array(array.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        out = context.make_array(kind)(context, builder)
        width = context.get_constant(types.intp, array.dtype.bitwidth // 8)
        populate_array(
            out, data=_pointer(context, builder, array, args[0], args[1]), shape=[args[2]], strides=[width],
            itemsize=width, meminfo=None,
        )  # fmt: skip
        return out._getvalue()

    return kind(array, types.intp, types.intp), codegen


@njit(nogil=True)
def copy(source: Any, start: int, count: int, target: Any, at: int) -> None:
    """target[at : at + count] = source[start : start + count], flat; slices would take Numba seconds to compile."""
    for k in range(count):
        target[np.uint64(at + k)] = source[np.uint64(start + k)]


@intrinsic
def _fetch(typingctx: Any, array: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        )
        data = context.make_array(array)(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), byte)  # may lie outside: that does no harm
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@njit(nogil=True)
def fetch_row(array: Any, start: int, size: int) -> None:
    """Have ``size`` entries from ``start`` on brought into the cache, for rows that are not taken in the order in which
    they lie in memory. Entries may lie outside of the array."""
    line = 64 // array.itemsize
    for k in range(start, start + size, line):
        _fetch(array, k)


@intrinsic
def choose(typingctx: Any, condition: Any, a: Any, b: Any) -> Any:
    """``a`` if the condition holds, else ``b`` (as the type of a), without a branch, which might stay one."""
    if condition != types.boolean or not isinstance(a, types.Number) or not isinstance(b, types.Number):
        raise errors.TypingError(f"needs a condition and two numbers, not {condition}, {a}, {b}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], args[2])

    return a(condition, a, a), codegen
