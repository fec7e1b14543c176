"""Arrivals of delayed spikes that are all one, by table: twice as fast as multiplying, on CPUs with AVX-512.

What two synapses deliver in a step is one of 16 sums of their four taps, chosen by four bits: whether each of the two
neurons fired m and m + 1 steps before. A vector register holds the table, another the bits of 16 samples.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from neurosim.nn.cpu.delay_tiles import take_out
from neurosim.nn.cpu.lanes import LANES, Lanes, aligned, fill, load, store

__all__ = ["BITS_BLOCK", "has_tables", "mark", "pull_bits"]

BITS_BLOCK = 16
"""Steps that a part of the work of `pull_bits` has."""
_WORD = 8
"""Steps in a word of four bits each."""

_F32, _I32 = Lanes(types.float32), Lanes(types.int32)
_FLOATS, _WORDS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)


def has_tables() -> bool:
    """Whether this CPU looks up 16 numbers in a register of 16."""
    if config.CPU_NAME or config.CPU_FEATURES:  # Numba compiles for another CPU than this
        return False
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f", False))


def _splat(n: int) -> Any:
    return ir.Constant(_WORDS, [n] * LANES)


@intrinsic
def _push_word(typingctx: Any, words: Any, now: Any, next_: Any, odd: Any) -> Any:
    """Words one step earlier: four new low bits (``now`` and ``next_`` of a lane; two to the left if ``odd``)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        mask = ir.VectorType(ir.IntType(1), LANES)
        first, second = (builder.zext(builder.bitcast(a, mask), _WORDS) for a in args[1:3])
        low = builder.or_(first, builder.shl(second, _splat(1)))
        low = builder.select(args[3], builder.shl(low, _splat(2)), low)
        return builder.or_(builder.shl(args[0], _splat(4)), low)

    return _I32(_I32, types.uint16, types.uint16, types.boolean), codegen


@intrinsic
def _sums(typingctx: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """The 16 sums of the four numbers; bit 0 of the index takes a, bit 1 b, and so on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total = None
        for bit, number in enumerate(args):
            one = builder.insert_element(
                ir.Constant(_FLOATS, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
            )
            every = builder.shuffle_vector(one, ir.Constant(_FLOATS, ir.Undefined), _splat(0))
            taken = ir.Constant(_FLOATS, [float(lane >> bit & 1) for lane in range(LANES)])
            part = builder.fmul(every, taken)
            total = part if total is None else builder.fadd(total, part)
        return total

    return _F32(*[types.float32] * 4), codegen


def _at(step: int) -> Any:
    @intrinsic
    def look_up(typingctx: Any, table: Any, words: Any) -> Any:
        """The table's entry for the bits of that step of the words."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            name = "llvm.x86.avx512.permvar.sf.512"  # looks at four bits of an index only
            function = get_or_insert_function(
                builder.module, ir.FunctionType(_FLOATS, [_FLOATS, _WORDS]), name
            )
            return builder.call(function, [args[0], builder.lshr(args[1], _splat(4 * step))])

        return _F32(_F32, _I32), codegen

    return look_up


_at_0, _at_1, _at_2, _at_3, _at_4, _at_5, _at_6, _at_7 = (_at(step) for step in range(_WORD))


@intrinsic
def _both(typingctx: Any, a: Any, b: Any) -> Any:
    """The bits of two vectors of words together."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.or_(*args)

    return _I32(_I32, _I32), codegen


@njit(cache=True, nogil=True)
def mark(first: int, last: int, row: Any, neuron: Any, samples: int, steps: int, fired: Any) -> None:
    """Set in ``fired [tiles, n, T]``, uint16 zeros, one bit a sample: who fired when, of tiles first to last."""
    for tile in range(first, last):
        for b in range(tile * LANES, min(tile * LANES + LANES, samples)):
            bit = np.uint16(1 << (b - tile * LANES))
            for t in range(steps):
                for e in range(row[b * steps + t], row[b * steps + t + 1]):
                    fired[tile, neuron[e], t] |= bit


@njit(cache=True, nogil=True)
def pull_bits(
    begin: int,
    end: int,
    fired: Any,
    offset: Any,
    early: Any,
    late: Any,
    lead: int,
    reach: int,
    skip: int,
    out: Any,
) -> None:
    """What `neurosim.nn.cpu.delay_tiles.pull_tiles` computes for spikes ``fired`` (see `mark`), float32.

    offset, early, late: ``[n_q, n_p]``. Parts of the work have `BITS_BLOCK` steps of a tile.
    """
    n_q, n_p = offset.shape
    steps_in, steps = fired.shape[2], out.shape[1]
    height = BITS_BLOCK - _WORD + reach
    words = np.empty((LANES + 1) * height * LANES + LANES, np.int32)
    lanes = np.uint64(LANES)
    none = np.uint64(LANES * height) * lanes  # a row of zeros
    words[none:] = 0
    total = aligned(n_q * BITS_BLOCK * LANES, out)
    parts = (steps + BITS_BLOCK - 1) // BITS_BLOCK
    zero = load(words, none)
    for part in range(begin, end):
        tile, start = part // parts, part % parts * BITS_BLOCK
        for clear in range(0, total.size, LANES):
            store(total, clear, fill(np.float32(0)))
        for p0 in range(0, n_p, LANES):
            many = min(LANES, n_p - p0)
            for p in range(many):
                word, next_ = zero, np.uint16(0)
                for r in range(height + _WORD - 1, -1, -1):
                    t = start + skip - lead + r
                    if r == height + _WORD - 1 and 0 <= t + 1 < steps_in:
                        next_ = fired[tile, p0 + p, t + 1]
                    now = fired[tile, p0 + p, t] if 0 <= t < steps_in else np.uint16(0)
                    word = _push_word(word, now, next_, p % 2 == 1)
                    next_ = now
                    if r < height:
                        store(words, (p * height + r) * LANES, word)
            for q in range(n_q):
                for s in range(0, BITS_BLOCK, _WORD):
                    at = np.uint64((q * BITS_BLOCK + s) * LANES)
                    y0, y1 = load(total, at), load(total, at + lanes)
                    y2, y3 = load(total, at + 2 * lanes), load(total, at + 3 * lanes)
                    y4, y5 = load(total, at + 4 * lanes), load(total, at + 5 * lanes)
                    y6, y7 = load(total, at + 6 * lanes), load(total, at + 7 * lanes)
                    for p in range(0, many, 2):
                        i = np.uint64(p0 + p)
                        k = (np.uint64(p * height + s) + np.uint64(offset[q, i])) * lanes
                        k1, a, c = none, np.float32(0), np.float32(0)
                        if p + 1 < many:
                            i1 = i + np.uint64(1)
                            k1 = (np.uint64((p + 1) * height + s) + np.uint64(offset[q, i1])) * lanes
                            a, c = early[q, i1], late[q, i1]
                        table = _sums(early[q, i], late[q, i], a, c)
                        word = _both(load(words, k), load(words, k1))
                        y0 = y0 + _at_0(table, word)
                        y1 = y1 + _at_1(table, word)
                        y2 = y2 + _at_2(table, word)
                        y3 = y3 + _at_3(table, word)
                        y4 = y4 + _at_4(table, word)
                        y5 = y5 + _at_5(table, word)
                        y6 = y6 + _at_6(table, word)
                        y7 = y7 + _at_7(table, word)
                    store(total, at, y0)
                    store(total, at + lanes, y1)
                    store(total, at + 2 * lanes, y2)
                    store(total, at + 3 * lanes, y3)
                    store(total, at + 4 * lanes, y4)
                    store(total, at + 5 * lanes, y5)
                    store(total, at + 6 * lanes, y6)
                    store(total, at + 7 * lanes, y7)
        for r in range(min(BITS_BLOCK, steps - start)):
            take_out(total, r, BITS_BLOCK, tile * LANES, start + r, out)
