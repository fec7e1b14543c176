"""What the compiled loop needs below Numba: calling a kernel by its address, arrays at an address, and a barrier.

Every unit of work is an *op*: a C function ``void(table, sample, low, high, step, scratch)`` of six int64. ``table`` is
the address of an int64 array with the addresses and sizes the op works on, ``scratch`` that of the thread's own. Numba
compiles and caches each op for itself; the loop (`neurosim.engine.ops.driver`) is compiled once for all networks and
calls them by address, so a new network needs no new code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.extending import intrinsic

__all__ = ["OP", "SHORT", "SeparateArrays", "barrier", "call"]

OP = types.void(*[types.int64] * 6)
"""Signature of an op, for ``numba.cfunc``."""


def _pointer_to(element: Any) -> Any:
    pointer = types.CPointer(element)

    @intrinsic
    def at(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(pointer))

        return pointer(types.int64), codegen

    return at


f32_at, f64_at = _pointer_to(types.float32), _pointer_to(types.float64)
u8_at, u16_at = _pointer_to(types.uint8), _pointer_to(types.uint16)
u32_at, u64_at = _pointer_to(types.uint32), _pointer_to(types.uint64)
i32_at, i64_at = _pointer_to(types.int32), _pointer_to(types.int64)
# from an address to a pointer that ``numba.carray`` takes

SHORT = {
    "float32": "f32", "float64": "f64", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "int32": "i32", "int64": "i64",
}  # fmt: skip
"""NumPy's names of types to those that the functions above begin with."""


@intrinsic
def call(
    typingctx: Any, address: Any, table: Any, sample: Any, low: Any, high: Any, step: Any, scratch: Any
) -> Any:
    """Call the op at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        function = ir.FunctionType(ir.VoidType(), [word] * 6)
        builder.call(builder.inttoptr(args[0], function.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), codegen


@intrinsic
def nonzero_of_64(typingctx: Any, address: Any) -> Any:
    """Which of the 64 bytes at an address are not zero, as the bits of a uint64; byte 0 is the lowest."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bytes_ = ir.VectorType(ir.IntType(8), 64)
        found = builder.load(builder.inttoptr(args[0], bytes_.as_pointer()), align=1, typ=bytes_)
        mask = builder.icmp_unsigned("!=", found, ir.Constant(bytes_, [0] * 64))
        return builder.bitcast(mask, ir.IntType(64))

    return types.uint64(types.int64), codegen


@intrinsic
def count_bits(typingctx: Any, counts: Any, bits: Any) -> Any:
    """Add the 64 bits at the address ``bits`` to the 64 uint8 at the address ``counts``, one to each."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, word = ir.VectorType(ir.IntType(8), 64), ir.IntType(64)
        pointer = builder.inttoptr(args[0], kind.as_pointer())
        found = builder.load(builder.inttoptr(args[1], word.as_pointer()), align=8, typ=word)
        ones = builder.sext(builder.bitcast(found, ir.VectorType(ir.IntType(1), 64)), kind)
        sums = builder.sub(builder.load(pointer, align=1, typ=kind), ones)
        builder.store(sums, pointer, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which need not be valid, without waiting for it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        read, keep, data = ir.Constant(word, 0), ir.Constant(word, 3), ir.Constant(word, 1)
        builder.call(function, [builder.inttoptr(args[0], pointer), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def _add_atomically(typingctx: Any, address: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, args[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _load_atomically(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), codegen


_yield_processor = types.ExternalFunction("sched_yield", types.int32())
_sleep = types.ExternalFunction("usleep", types.int32(types.uint32))
_YIELDS = 50
"""How often a thread that has looked in vain lets others run before it sleeps."""


@njit
def barrier(counter: Any, passed: Any, threads: Any, spins: Any) -> Any:
    """Wait until all threads are here.

    Args:
        counter: address of a shared int64, 0 at first; passed: barriers this thread has passed.
        spins: how often to look before others are let run: many where every thread has a processor of its own, and
            few where a waiting one keeps another from working. A thousand take about three microseconds.

    Returns ``passed + 1``.
    """
    passed += 1
    _add_atomically(counter, 1)
    looks = 0
    while _load_atomically(counter) < passed * threads:
        looks += 1
        if looks > spins + _YIELDS:
            _sleep(np.uint32(20))
        elif looks > spins:
            _yield_processor()
    return passed


class SeparateArrays(CompilerBase):  # type: ignore[misc]
    """Compiles a function on the promise that no two of its arrays overlap (C's ``restrict``), so that LLVM need not
    check at every call: ``njit(pipeline_class=SeparateArrays)``."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]
