"""Entries of rows that do not overlap, so that a loop over them turns into vector instructions.

A compiler must expect that what a loop writes to one array is read from another in its next round; with a dozen
arrays it gives up, or tests all pairs before each loop. `read` and `write` name the row that an entry belongs to, and
tell LLVM (``alias.scope``, ``noalias``) that rows of different names have no entry in common. Whoever calls a function
made of them must see to that; a row that is only read may be passed under several names.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import errors
from numba.extending import intrinsic

__all__ = ["choose", "read", "write"]

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


@intrinsic
def choose(typingctx: Any, condition: Any, a: Any, b: Any) -> Any:
    """``a`` if the condition holds, else ``b`` (as the type of a), without a branch, which might stay one."""
    if condition != types.boolean or not isinstance(a, types.Number) or not isinstance(b, types.Number):
        raise errors.TypingError(f"needs a condition and two numbers, not {condition}, {a}, {b}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], args[2])

    return a(condition, a, a), codegen
