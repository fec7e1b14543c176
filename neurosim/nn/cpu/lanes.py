"""Vectors of `LANES` numbers that a Numba kernel keeps in registers.

Numba turns a loop over an array into vector instructions, but it cannot hold a small array in registers: an
accumulator of 16 numbers goes through memory in every round. Here such a vector is a value of its own (LLVM's
``<16 x float>`` or ``<16 x double>``), which a CPU with narrower registers handles in parts::

    total = fill(x.dtype.type(0))
    for k in range(0, x.size, LANES):
        total = fma(load(x, k), load(y, k), total)
    dot = lane_sum(total)

Vectors also take ``+``, ``-`` and ``*``. Indices count numbers from the start of a contiguous array of any shape; they
are not checked, and negative ones do not count from the end.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import errors
from numba.core.cgutils import get_or_insert_function
from numba.core.datamodel import PrimitiveModel
from numba.extending import intrinsic, overload, register_model

__all__ = ["LANES", "Lanes", "aligned", "fill", "fma", "lane_sum", "load", "store", "sums_of_pairs"]

LANES = 16
"""Numbers in a vector: 64 bytes of float32, the widest register and a cache line."""


class Lanes(types.Type):  # type: ignore[misc]
    """Numba's type of a vector."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"lanes({dtype})")


@register_model(Lanes)
class _Model(PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _llvm(kind))


def _llvm(kind: Any) -> Any:
    if isinstance(kind, Lanes):
        return ir.VectorType(_llvm(kind.dtype), LANES)
    if kind == types.int32:
        return ir.IntType(32)
    return ir.FloatType() if kind == types.float32 else ir.DoubleType()


def _floating(kind: Any) -> Any:
    """``kind``, which must be float32, float64 or a vector of them."""
    if not isinstance(kind, (types.Float, Lanes)):
        raise errors.TypingError(f"needs float32, float64 or lanes of them, not {kind}")
    return kind


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Pointer to lanes at element args[1] of array args[0], and the alignment that an element has."""
    array = signature.args[0]
    data = context.make_array(array)(context, builder, args[0]).data
    start = builder.gep(data, [args[1]], inbounds=True)
    pointer = builder.bitcast(start, _llvm(Lanes(array.dtype)).as_pointer())
    return pointer, array.dtype.bitwidth // 8


def _contiguous(array: Any) -> Any:
    known = (types.float32, types.float64, types.int32)
    if not isinstance(array, types.Array) or array.layout != "C" or array.dtype not in known:
        raise errors.TypingError(f"needs a C-contiguous array of float32, float64 or int32, not {array}")
    return Lanes(array.dtype)


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """The `LANES` numbers of ``array`` from ``index`` on."""
    kind = _contiguous(array)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, align = _pointer(context, builder, signature, args)
        return builder.load(pointer, align=align, typ=_llvm(kind))

    return kind(array, types.uintp), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, lanes: Any) -> Any:
    """Write ``lanes`` to ``array`` from ``index`` on."""
    kind = _contiguous(array)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, align = _pointer(context, builder, signature, args)
        builder.store(args[2], pointer, align=align)
        return context.get_dummy_value()

    return types.void(array, types.uintp, kind), codegen


@intrinsic
def fill(typingctx: Any, number: Any) -> Any:
    """A vector with ``number`` in every lane."""
    kind = Lanes(_floating(number))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, word = _llvm(kind), ir.IntType(32)
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), args[0], ir.Constant(word, 0))
        zeros = ir.Constant(ir.VectorType(word, LANES), [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

    return kind(number), codegen


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` of vectors or of numbers, rounded once where the CPU can (then all kernels agree on it)."""
    kind = _floating(c)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        scalar = "f32" if getattr(kind, "dtype", kind) == types.float32 else "f64"
        name = f"llvm.fmuladd.v{LANES}{scalar}" if isinstance(kind, Lanes) else f"llvm.fmuladd.{scalar}"
        function = ir.FunctionType(_llvm(kind), [_llvm(kind)] * 3)
        return builder.call(get_or_insert_function(builder.module, function, name), args)

    return kind(kind, kind, kind), codegen


@intrinsic
def lane_sum(typingctx: Any, lanes: Any) -> Any:
    """The sum over the lanes: halves are added to each other until one number is left."""
    if not isinstance(lanes, Lanes):
        raise errors.TypingError(f"needs lanes, not {lanes}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        part, word = args[0], ir.IntType(32)
        width = LANES
        while width > 1:
            width //= 2
            low, high = (
                builder.shuffle_vector(
                    part,
                    ir.Constant(part.type, ir.Undefined),
                    ir.Constant(ir.VectorType(word, width), [*range(a, a + width)]),
                )
                for a in (0, width)
            )
            part = builder.fadd(low, high)
        return builder.extract_element(part, ir.Constant(word, 0))

    return lanes.dtype(lanes), codegen


def _fold(width: int) -> Any:
    """Of two vectors that hold groups of ``width``: the halves of every group added, those of the first before."""

    @intrinsic
    def fold(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            low = [lane for lane in range(2 * LANES) if lane % width < width // 2]
            masks = [[lane + shift for lane in low] for shift in (0, width // 2)]
            kind = ir.VectorType(ir.IntType(32), LANES)
            return builder.fadd(*(builder.shuffle_vector(*args, ir.Constant(kind, mask)) for mask in masks))

        return a(a, a), codegen

    return fold


_fold_16, _fold_8, _fold_4 = _fold(16), _fold(8), _fold(4)


@njit(inline="always")
def sums_of_pairs(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """Of eight vectors one, whose lanes 2 k and 2 k + 1 add up to the sum over the lanes of the k-th."""
    first = _fold_8(_fold_16(a, b), _fold_16(c, d))
    return _fold_4(first, _fold_8(_fold_16(e, f), _fold_16(g, h)))


def _element_by_element(instruction: str) -> Any:
    @intrinsic
    def apply(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args)

        return a(a, b), codegen

    return apply


def _define(operation: Any, instruction: str) -> None:
    apply = _element_by_element(instruction)

    @overload(operation)
    def of_lanes(a: Any, b: Any) -> Any:
        def compute(a: Any, b: Any) -> Any:
            return apply(a, b)

        return compute if isinstance(a, Lanes) and a == b else None


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")


@njit(inline="always")
def aligned(size: Any, like: Any) -> Any:
    """A new flat array of the type of ``like`` that begins on a cache line, so that no vector straddles two."""
    whole = np.empty(size + LANES, like.dtype)
    skip = (-(whole.ctypes.data // whole.itemsize)) % LANES
    return whole[skip : skip + size]
