"""Ops that deliver the spikes of a step over static synapses: into rings of sums, or rings of counts.

Where all synapses of a projection share a weight, arrivals are counted in small integers and the weight is multiplied
once when they are gathered: less memory to touch, and exact in any order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.engine.ops.generate import load_generated
from neurosim.engine.ops.native import SHORT
from neurosim.engine.plan import PlanProjection

__all__ = ["BIT_TABLE", "DELIVERY_TABLE", "bit_delivery_op", "deliver_reference", "delivery_op"]

_TEMPLATE = '''"""Delivery of static synapses: {title}. Generated; do not edit."""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, njit

from neurosim.engine.ops.native import OP, SeparateArrays, i32_at, i64_at, prefetch, {word}_at, {weight}_at, {ring}_at

from neurosim.engine.ops.spike_list import between

ONE = np.{ring_type}(1)
FAR, NEAR = 12, 4


@njit(error_model="numpy")
def ask_for_row(first, word, weight):
    """Rows of few synapses are over before the processor has seen that they follow each other in memory."""
    for line in range(3):
        prefetch(word.ctypes.data + first * {word_size} + 64 * line)
{ask}

@njit(error_model="numpy", pipeline_class=SeparateArrays)
def add_rows(neurons, row_start, row_stop, word, weight, ring, step, mask, n_post, delay, bits):
    """ring[(step + delay) & mask, target] += weight, for all synapses of some neurons."""
    {prepare}
    for q in range(min(neurons.size, NEAR)):
        ask_for_row(row_start[neurons[q]], word, weight)
    for q in range(neurons.size):
        if q + FAR < neurons.size:
            prefetch(row_start.ctypes.data + 8 * neurons[q + FAR])
            prefetch(row_stop.ctypes.data + 8 * neurons[q + FAR])
        if q + NEAR < neurons.size:
            ask_for_row(row_start[neurons[q + NEAR]], word, weight)
        i = neurons[q]
        # unsigned: Numba would ask of every signed index whether it counts from the end
        for e in range(np.uint64(row_start[i]), np.uint64(row_stop[i])):
            {add}


@cfunc(OP, cache=True, error_model="numpy")
def deliver(table, sample, low, high, step, scratch):
    """Entries of the table: see DELIVERY_TABLE in neurosim.engine.ops.delivery_op."""
    t = carray(i64_at(table), 20)
    parts, row = t[3], ((step - t[4]) & t[5]) + sample * t[6]
    start = carray(i64_at(t[0]), (row + 1) * parts)
    count = carray(i64_at(t[1]), (row + 1) * parts)
    n_pre, n_synapses, n_post, mask = t[7], t[12], t[15], t[14]
    row_start, row_stop = carray(i64_at(t[8]), n_pre), carray(i64_at(t[9]), n_pre)
    word, weight = carray({word}_at(t[10]), n_synapses), carray({weight}_at(t[11]), n_synapses)
    slots = (mask + 1) * n_post
    ring = carray({ring}_at(t[13] + sample * slots * {itemsize}), slots)
    for p in range(row * parts, (row + 1) * parts):
        if count[p]:
            neurons = between(carray(i32_at(t[2] + 4 * start[p]), count[p]), t[18], t[19])
            add_rows(neurons, row_start, row_stop, word, weight, ring, step, mask, n_post, t[16], t[17])
'''

DELIVERY_TABLE = (
    "list_start", "list_count", "list_neuron", "list_parts", "list_first", "list_mask", "list_stride",
    "n_pre", "row_start", "row_stop", "word", "weight", "n_synapses",
    "ring", "ring_mask", "n_post", "delay", "target_bits", "first_pre", "last_pre",
)  # fmt: skip
"""Entries of the op's table, in order. A list of spikes: see `neurosim.engine.ops.spike_list`; the row of a step is
((step - first) & mask) + sample * stride."""

_BITS = '''"""Delivery over dense rows that share weight and delay, counted in {ring_type}. Generated; do not edit."""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, njit

from neurosim.engine.ops.native import OP, SeparateArrays, count_bits, i32_at, i64_at, prefetch, u8_at, {ring}_at


from neurosim.engine.ops.spike_list import between


@njit(error_model="numpy", pipeline_class=SeparateArrays)
def add_counts(ring, counts):
    for n in range(ring.size):
        ring[n] += counts[n]


@cfunc(OP, cache=True, error_model="numpy")
def deliver(table, sample, low, high, step, scratch):
    """ring[(step + delay) & mask, low to high] += bits of the neurons that spike. Entries: see BIT_TABLE; low is a
    multiple of 64."""
    t = carray(i64_at(table), 18)
    parts, row = t[3], ((step - t[4]) & t[5]) + sample * t[6]
    start = carray(i64_at(t[0]), (row + 1) * parts)
    count = carray(i64_at(t[1]), (row + 1) * parts)
    bits, width, n_post, mask = t[7], t[8], t[12], t[11]
    first, last = low // 64, (high + 63) // 64
    whole = first + (last - first) // 8 * 8
    room, row_start = t[13], carray(i64_at(t[14]), t[15] + 1)
    counts = carray(u8_at(room), width * 64)[low : last * 64]
    slot = (sample * (mask + 1) + ((step + t[9]) & mask)) * n_post + low
    ring = carray({ring}_at(t[10] + slot * {itemsize}), high - low)
    counted = 0
    for p in range(row * parts, (row + 1) * parts):
        neurons = between(carray(i32_at(t[2] + 4 * start[p]), count[p]), t[16], t[17])
        for q in range(neurons.size):
            if row_start[neurons[q]] == row_start[neurons[q] + 1]:
                continue
            if counted == 0:
                counts[:] = 0
            words = bits + 8 * width * neurons[q]
            later = bits + 8 * width * neurons[min(q + 4, neurons.size - 1)]
            for line in range(first, whole, 8):  # a cache line of bits
                prefetch(later + 8 * line)
                for w in range(8):
                    count_bits(room + 64 * (line + w), words + 8 * (line + w))
            prefetch(later + 8 * whole)
            for w in range(whole, last):
                count_bits(room + 64 * w, words + 8 * w)
            counted += 1
            if counted == 255:
                add_counts(ring, counts)
                counted = 0
    if counted:
        add_counts(ring, counts)
'''

BIT_TABLE = (
    "list_start", "list_count", "list_neuron", "list_parts", "list_first", "list_mask", "list_stride",
    "bits", "width", "delay", "ring", "ring_mask", "n_post", "counts", "row_start", "n_pre",
    "first_pre", "last_pre",
)  # fmt: skip
"""Entries of the table of a delivery over bits; ``counts`` is room for uint8 [64 width]."""


def delivery_op(rows: SynapseRows, ring: Any) -> int:
    """Address of the compiled op for rows of this layout and a ring of this type; an integer ring counts arrivals."""
    own = len(rows.weight) != 1 or rows.n_synapses == 1
    return _compile(rows.word.dtype, rows.weight.dtype, np.dtype(ring), rows.target_bits > 0, own)


@lru_cache
def _compile(word: Any, weight: Any, kind: Any, packed: bool, own: bool) -> int:
    counts = kind.kind == "u"
    if packed:
        prepare = (
            "low_bits, high = np.uint64((1 << bits) - 1), np.uint64(bits)\n"
            "    now, last, width = np.uint64(step), np.uint64(mask), np.uint64(n_post)"
        )
        target = (
            "ring[((now + (np.uint64(word[e]) >> high)) & last) * width + (np.uint64(word[e]) & low_bits)]"
        )
    else:
        prepare = "slot = ring[((step + delay) & mask) * n_post : ((step + delay) & mask) * n_post + n_post]"
        target = "slot[word[e]]"
    value = "ONE" if counts else (f"np.{kind}(weight[e])" if own else f"np.{kind}(weight[0])")
    layout = f"{word} words{' with delays' if packed else ''}"
    title = f"{layout}, {'counted' if counts else f'{weight} weights'} into {kind}"
    text = _TEMPLATE.format(
        title=title if own or counts else title + ", one weight",
        word=SHORT[word.name],
        word_size=word.itemsize,
        ask=f"        prefetch(weight.ctypes.data + first * {weight.itemsize} + 64 * line)\n" if own else "",
        weight=SHORT[weight.name],
        ring=SHORT[kind.name],
        ring_type=kind.name,
        itemsize=kind.itemsize,
        prepare=prepare,
        add=f"{target} += {value}",
    )
    address: int = load_generated("delivery", text).deliver.address
    return address


@lru_cache
def bit_delivery_op(ring: Any) -> int:
    """Address of the compiled op for dense rows as bits (`neurosim.connectivity.bit_rows`) and a ring of counts."""
    kind = np.dtype(ring)
    text = _BITS.format(ring=SHORT[kind.name], ring_type=kind.name, itemsize=kind.itemsize)
    address: int = load_generated("delivery", text).deliver.address
    return address


def deliver_reference(p: PlanProjection, counts: NDArray[Any], steps: int) -> NDArray[np.float64]:
    """All arrivals of a run at once, in plain NumPy: counts [T, n_pre] -> arrivals [steps, n_post]."""
    out = np.zeros((steps + p.max_delay + 1, p.n_post))
    for k in range(len(counts)):
        arriving = counts[k][p.pre_index] * p.weight.astype(np.float64)
        np.add.at(out, (k + p.delay, p.target), arriving)
    return out[:steps]
