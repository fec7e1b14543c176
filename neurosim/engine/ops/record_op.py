"""Ops that keep what is recorded: the spikes of a block, and the state of chosen neurons."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from neurosim.engine.ops.driver import BLOCK, Status
from neurosim.engine.ops.generate import load_generated
from neurosim.engine.ops.native import SHORT

__all__ = ["RECORD_TABLE", "TRACE_TABLE", "record_op", "trace_op"]

_RECORD = '''"""Recording of spikes. Generated; do not edit."""

from __future__ import annotations

from numba import carray, cfunc

from neurosim.engine.ops.native import OP, i32_at, i64_at


@cfunc(OP, cache=True, error_model="numpy")
def record(table, sample, low, high, step, scratch):
    """Append the spikes of steps low to step, or count them, or both. Entries of the table: see RECORD_TABLE in
    neurosim.engine.ops.record_op."""
    t = carray(i64_at(table), 13)
    parts, size, capacity = t[3], t[4], t[9]
    start, count = carray(i64_at(t[0]), ({BLOCK}, parts)), carray(i64_at(t[1]), ({BLOCK}, parts))
    neuron = carray(i32_at(t[2]), {BLOCK} * size)
    samples, steps = carray(i32_at(t[5]), capacity), carray(i32_at(t[6]), capacity)
    neurons = carray(i32_at(t[7]), capacity)
    if t[12]:
        total = carray(i64_at(t[12] + 8 * sample * size), size)
        for k in range(low, step):
            for p in range(parts):
                begin = start[k & {last}, p]
                for i in range(begin, begin + count[k & {last}, p]):
                    total[neuron[i]] += 1
    if not t[5]:
        return
    filled = t[8]
    for k in range(low, step):
        for p in range(parts):
            begin = start[k & {last}, p]
            for i in range(begin, begin + count[k & {last}, p]):
                samples[filled] = sample
                steps[filled] = k - t[10]
                neurons[filled] = neuron[i]
                filled += 1
    t[8] = filled
    if filled + {BLOCK} * size > capacity:
        carray(i64_at(t[11]), {full} + 1)[{full}] = 1
'''

RECORD_TABLE = (
    "list_start", "list_count", "list_neuron", "parts", "size",
    "sample", "step", "neuron", "filled", "capacity", "origin", "status", "counts",
)  # fmt: skip
"""Entries of the table of a recording of spikes: ``sample``, ``step`` and ``neuron`` are vectors of which the first
``filled`` entries are in use, or 0 where spikes are not kept; ``counts`` is int64 [samples, size], or 0 where they are
not counted; ``origin`` is the step that counts as 0."""

_TRACE = '''"""Recording of state of {real_type}. Generated; do not edit."""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc

from neurosim.engine.ops.native import OP, f64_at, i64_at, {real}_at


@cfunc(OP, cache=True, error_model="numpy")
def trace(table, sample, low, high, step, scratch):
    """Keep the chosen neurons of a tile. Entries of the table: see TRACE_TABLE in neurosim.engine.ops.record_op."""
    t = carray(i64_at(table), 9)
    stride, chosen = t[5], t[3]
    if (step - t[4]) % stride:
        return
    state = carray({real}_at(t[0] + sample * t[1] * {itemsize}), t[1])
    row = (step - t[6]) // stride
    out = carray(f64_at(t[7] + 8 * (row * t[8] + sample) * chosen), chosen)
    neurons = carray(i64_at(t[2]), chosen)
    for i in range(np.searchsorted(neurons, low), np.searchsorted(neurons, high)):
        out[i] = state[neurons[i]]
'''

TRACE_TABLE = ("state", "size", "neurons", "chosen", "origin", "stride", "first", "out", "samples")
"""Entries of the table of a recording of one state variable: ``neurons`` are sorted; ``first`` is the step of the first
row of ``out`` [rows, samples, chosen]; recorded are the steps origin, origin + stride, ..."""


@lru_cache
def record_op() -> int:
    """Address of the compiled op that keeps the spikes of a block."""
    text = _RECORD.format(BLOCK=BLOCK, last=BLOCK - 1, full=int(Status.FULL))
    address: int = load_generated("record", text).record.address
    return address


@lru_cache
def trace_op(real: Any) -> int:
    """Address of the compiled op that keeps a state variable of this type."""
    kind = np.dtype(real)
    text = _TRACE.format(real_type=kind.name, real=SHORT[kind.name], itemsize=kind.itemsize)
    address: int = load_generated("record", text).trace.address
    return address
