"""Which synapses of a projection the spikes of a step reach: compiled once for all rules.

One lane is one sample and the targets [low, high). Traces belong to neurons. On the delayed side (presynaptic where
delays are axonal, postsynaptic where they are dendritic) their last values are kept, so that a synapse finds the
trace one delay ago; there, spikes under way hold a cursor into their row or column, which is sorted by delay. So work
is done where spikes are, and nowhere else.

What is done to a range of synapses is the rule's, and called by address (`neurosim.engine.learning.kernel`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, cfunc, njit

from neurosim.engine.ops.native import OP, call, i32_at, i64_at, u16_at, u32_at, u64_at

__all__ = ["NEVER", "TABLE", "arrive_op", "finish_op", "learn_op", "note_op"]

TABLE = (
    "list_start", "list_count", "list_neuron", "list_parts", "list_first", "list_mask", "list_stride",
    "low", "high", "parts", "part", "n_pre", "n_post", "n_synapses", "n_columns", "n_x", "n_y",
    "min_delay", "max_delay", "target_bits", "pre_bits", "ring", "distinct", "dense",
    "dendritic", "same_step", "after", "deferred",
    "row_start", "word", "word_size", "column_start", "synapse", "column_word", "column_size",
    "weight", "held", "states", "x", "x_slots", "y", "y_slots", "pre_n", "pre_i", "pre_c", "pre_slots",
    "post_n", "post_i", "post_c", "post_slots", "cursor", "due", "next_due", "cursor_slots", "cursor_width",
    "numbers", "n_numbers", "scale64", "state_decay", "clock", "out", "out_slots",
    "modulation", "first", "samples", "steps", "modulator", "arrivals", "tally",
    "pre", "post", "traces", "synapses", "argument",
)  # fmt: skip
"""Entries of the table of every op, in order: addresses, sizes and conventions of one part. The first
seven are a list of spikes (`neurosim.engine.ops.spike_list`), the last five the rule's ops and the address of int64
[lanes, 16] for what they are told."""

_N = len(TABLE)
(
    LIST_START, LIST_COUNT, LIST_NEURON, LIST_PARTS, LIST_FIRST, LIST_MASK, LIST_STRIDE,
    LOW, HIGH, PARTS, PART, N_PRE, N_POST, N_SYNAPSES, N_COLUMNS, N_X, N_Y,
    MIN_DELAY, MAX_DELAY, TARGET_BITS, PRE_BITS, RING, DISTINCT, DENSE,
    DENDRITIC, SAME_STEP, AFTER, DEFERRED,
    ROW_START, WORD, WORD_SIZE, COLUMN_START, SYNAPSE, COLUMN_WORD, COLUMN_SIZE,
    WEIGHT, HELD, STATES, X, X_SLOTS, Y, Y_SLOTS, PRE_N, PRE_I, PRE_C, PRE_SLOTS,
    POST_N, POST_I, POST_C, POST_SLOTS, CURSOR, DUE, NEXT_DUE, CURSOR_SLOTS, CURSOR_WIDTH,
    NUMBERS, N_NUMBERS, SCALE64, STATE_DECAY, CLOCK, OUT, OUT_SLOTS,
    MODULATION, FIRST, SAMPLES, STEPS, MODULATOR, ARRIVALS, TALLY,
    PRE, POST, TRACES, SYNAPSES, ARGUMENT,
) = range(_N)  # fmt: skip

NEVER = 1 << 62
POTENTIATING, DEPRESSING = 0, 1
DELIVER, LEARN = 1, 2
DECAY_PRE, DECAY_POST, GROW_PRE, GROW_POST, TAKE = range(5)
AGE, MODULATE = 0, 1


@njit
def word_at(address: Any, size: Any, e: Any) -> Any:
    """Word e of an array of uint16, uint32 or uint64, as int64."""
    if size == 2:
        return np.int64(carray(u16_at(address), e + 1)[e])
    if size == 4:
        return np.int64(carray(u32_at(address), e + 1)[e])
    return np.int64(carray(u64_at(address), e + 1)[e])


@njit
def at(address: Any, i: Any) -> Any:
    """Entry i of an int64 array."""
    return carray(i64_at(address), i + 1)[i]


@njit
def bisect(address: Any, size: Any, a: Any, b: Any, key: Any) -> Any:
    """First of the sorted words [a, b) that is not below ``key``."""
    while a < b:
        c = (a + b) >> 1
        if word_at(address, size, c) < key:
            a = c + 1
        else:
            b = c
    return a


@njit
def lane(t: Any, sample: Any) -> Any:
    """Number of the lane."""
    return sample * t[PARTS] + t[PART]


@njit
def note(t: Any, sample: Any, j: Any, listed: Any, more: Any, post: Any) -> None:
    """Keep the spikes of step j (``more``: after those that are kept already), equal neighbours counted. On the delayed
    side put a cursor at the head of each row or column."""
    if post:
        slots, width, n_, i_, c_ = t[POST_SLOTS], t[N_POST], t[POST_N], t[POST_I], t[POST_C]
    else:
        slots, width, n_, i_, c_ = t[PRE_SLOTS], t[N_PRE], t[PRE_N], t[PRE_I], t[PRE_C]
    row = lane(t, sample) * slots + j % slots
    counts = carray(i64_at(n_), row + 1)
    neuron = carray(i32_at(i_ + 4 * row * width), width)
    count = carray(i32_at(c_ + 4 * row * width), width)
    kept = counts[row] if more else 0
    cursors = t[RING] and (t[DENDRITIC] != 0) == post
    soonest = carray(i64_at(t[NEXT_DUE]), row + 1)
    cursor = carray(i64_at(t[CURSOR] + 8 * row * width), width)
    due = carray(i64_at(t[DUE] + 8 * row * width), width)
    if cursors and not more:
        soonest[row] = NEVER
    for q in range(listed.size):
        i = listed[q]
        if q > 0 and listed[q - 1] == i:
            count[kept - 1] += 1
            continue
        neuron[kept] = i
        count[kept] = 1
        if cursors:
            start = t[COLUMN_START] if post else t[ROW_START]
            a = at(start, i)
            cursor[kept] = a
            due[kept] = NEVER
            if a < at(start, i + 1):
                if post:
                    delay = t[MIN_DELAY] + (word_at(t[COLUMN_WORD], t[COLUMN_SIZE], a) >> t[PRE_BITS])
                else:
                    delay = word_at(t[WORD], t[WORD_SIZE], a) >> t[TARGET_BITS]
                due[kept] = j + delay
            soonest[row] = min(soonest[row], due[kept])
        kept += 1
    counts[row] = kept


@njit
def presynaptic(
    t: Any, sample: Any, k: Any, a: Any, b: Any, i: Any, count: Any, mode: Any, row: Any, old: Any, slot: Any,
    before: Any, delay: Any,
) -> None:  # fmt: skip
    """A presynaptic spike at the synapses [a, b) of one row and one delay, as far as their targets lie in the lane.

    ``row``, ``old``: where the postsynaptic traces it sees are, and whether they still have to decay by a step;
    ``before``: where its own are, before their last decay (-1: as they are).
    """
    if t[LOW] > 0 or t[HIGH] < t[N_POST]:
        key = (delay << t[TARGET_BITS]) if t[TARGET_BITS] else 0
        a = bisect(t[WORD], t[WORD_SIZE], a, b, key + t[LOW])
        b = bisect(t[WORD], t[WORD_SIZE], a, b, key + t[HIGH])
    if a < b:
        address = t[ARGUMENT] + 128 * lane(t, sample)
        told = carray(i64_at(address), 16)
        told[0], told[1], told[2], told[3], told[4], told[5], told[6] = i, before, row, old, mode, count, slot
        call(t[PRE], t.ctypes.data, sample, a, b, k, address)


@njit
def arrivals(t: Any, sample: Any, k: Any, mode: Any) -> None:
    """Axonal: every presynaptic spike that arrives in step k. Learning comes last and moves the cursors on."""
    slots, n = t[PRE_SLOTS], t[N_PRE]
    first = lane(t, sample) * slots
    held = carray(i64_at(t[PRE_N] + 8 * first), slots)
    neuron = carray(i32_at(t[PRE_I] + 4 * first * n), slots * n)
    count = carray(i32_at(t[PRE_C] + 4 * first * n), slots * n)
    row_start = carray(i64_at(t[ROW_START]), n + 1)
    if not t[RING]:
        h = (k - t[MAX_DELAY]) % slots
        for q in range(h * n, h * n + held[h]):
            i = neuron[q]
            presynaptic(t, sample, k, row_start[i], row_start[i + 1], i, count[q], mode, 0, 0, 0, -1, 0)
        return
    soonest = carray(i64_at(t[NEXT_DUE] + 8 * first), slots)
    cursor = carray(i64_at(t[CURSOR] + 8 * first * n), slots * n)
    due = carray(i64_at(t[DUE] + 8 * first * n), slots * n)
    for j in range(k - t[MAX_DELAY], k - t[MIN_DELAY] + 1):
        h = j % slots
        if held[h] == 0 or soonest[h] != k:
            continue
        nearest = NEVER
        for q in range(h * n, h * n + held[h]):
            if due[q] == k:
                i = neuron[q]
                a, stop = cursor[q], row_start[i + 1]
                b = bisect(t[WORD], t[WORD_SIZE], a, stop, (k - j + 1) << t[TARGET_BITS])
                presynaptic(t, sample, k, a, b, i, count[q], mode, 0, 0, 0, (j - 1) % t[X_SLOTS], k - j)
                if mode & LEARN:
                    cursor[q] = b
                    due[q] = j + (word_at(t[WORD], t[WORD_SIZE], b) >> t[TARGET_BITS]) if b < stop else NEVER
            nearest = min(nearest, due[q])
        soonest[h] = nearest


@njit
def emissions(t: Any, sample: Any, k: Any) -> None:
    """Dendritic: every presynaptic spike of step k, delivered and learned from at once."""
    slots, n = t[PRE_SLOTS], t[N_PRE]
    row = lane(t, sample) * slots + k % slots
    neuron, count = carray(i32_at(t[PRE_I] + 4 * row * n), n), carray(i32_at(t[PRE_C] + 4 * row * n), n)
    row_start = carray(i64_at(t[ROW_START]), n + 1)
    for q in range(at(t[PRE_N], row)):
        i = neuron[q]
        a, stop = row_start[i], row_start[i + 1]
        if t[RING] and a < stop:  # whole rows: the op finds the delays itself
            address = t[ARGUMENT] + 128 * lane(t, sample)
            told = carray(i64_at(address), 16)
            told[0], told[1], told[3], told[5] = i, -1, int(t[SAME_STEP] != DEPRESSING), count[q]
            call(t[PRE], t.ctypes.data, sample, a, stop, k, address)
        elif a < stop:
            slot = (k + t[MAX_DELAY]) % t[OUT_SLOTS]
            presynaptic(t, sample, k, a, stop, i, count[q], DELIVER | LEARN, 0, 0, slot, -1, 0)


@njit
def postsynaptic(
    t: Any, sample: Any, k: Any, a: Any, b: Any, j: Any, row: Any, old: Any, before: Any
) -> None:
    """A postsynaptic spike at the synapses [a, b) of a column; see `presynaptic`."""
    address = t[ARGUMENT] + 128 * lane(t, sample)
    told = carray(i64_at(address), 16)
    told[0], told[1], told[2], told[3] = j, before, row, old
    call(t[POST], t.ctypes.data, sample, a, b, k, address)


@njit
def group_end(t: Any, a: Any, stop: Any, lag: Any) -> Any:
    """End of the synapses of a column, from ``a`` on, whose delay is the shortest and ``lag`` steps."""
    b = a + 1
    while b < stop and (word_at(t[COLUMN_WORD], t[COLUMN_SIZE], b) >> t[PRE_BITS]) == lag:
        b += 1
    return b


@njit
def post_spikes(t: Any, sample: Any, k: Any) -> None:
    """Every postsynaptic spike that reaches synapses in step k."""
    slots, n = t[POST_SLOTS], t[N_POST]
    first = lane(t, sample) * slots
    held = carray(i64_at(t[POST_N] + 8 * first), slots)
    neuron = carray(i32_at(t[POST_I] + 4 * first * n), slots * n)
    column_start = carray(i64_at(t[COLUMN_START]), n + 1)
    if not (t[DENDRITIC] and t[RING]):
        h = (k - t[MAX_DELAY] if t[DENDRITIC] else k) % slots
        old = 1 if t[SAME_STEP] != POTENTIATING else 0
        for q in range(h * n, h * n + held[h]):
            j = neuron[q]
            a, stop = column_start[j], column_start[j + 1]
            if not t[RING]:
                postsynaptic(t, sample, k, a, stop, j, 0, 0, -1)
            elif a < stop:  # whole columns: the op finds the delays itself
                postsynaptic(t, sample, k, a, stop, j, (k - t[MIN_DELAY] - old) % t[X_SLOTS], old, -1)
        return
    soonest = carray(i64_at(t[NEXT_DUE] + 8 * first), slots)
    cursor = carray(i64_at(t[CURSOR] + 8 * first * n), slots * n)
    due = carray(i64_at(t[DUE] + 8 * first * n), slots * n)
    for step in range(k - t[MAX_DELAY], k - t[MIN_DELAY] + 1):
        h = step % slots
        if held[h] == 0 or soonest[h] != k:
            continue
        nearest = NEVER
        for q in range(h * n, h * n + held[h]):
            if due[q] == k:
                j = neuron[q]
                a, stop = cursor[q], column_start[j + 1]
                b = group_end(t, a, stop, k - step - t[MIN_DELAY])
                postsynaptic(t, sample, k, a, b, j, 0, 0, (step - 1) % t[Y_SLOTS])
                cursor[q] = b
                due[q] = NEVER
                if b < stop:
                    lag = word_at(t[COLUMN_WORD], t[COLUMN_SIZE], b) >> t[PRE_BITS]
                    due[q] = step + t[MIN_DELAY] + lag
            nearest = min(nearest, due[q])
        soonest[h] = nearest


@njit
def traces(t: Any, sample: Any, what: Any, row: Any, before: Any, step: Any) -> None:
    """Traces in ``row`` become those of ``before`` a step later, or grow by the spikes that were kept of ``step``."""
    address = t[ARGUMENT] + 128 * lane(t, sample)
    told = carray(i64_at(address), 16)
    told[0], told[1] = row, before
    slots = t[POST_SLOTS] if what == GROW_POST else t[PRE_SLOTS]
    told[2] = lane(t, sample) * slots + step % slots
    call(t[TRACES], t.ctypes.data, sample, what, 0, step, address)


@njit
def dendritic(t: Any, sample: Any, k: Any) -> None:
    """Step k of synapses with dendritic delays, once the spikes of both sides in it are noted."""
    clock = carray(i64_at(t[CLOCK] + 8 * lane(t, sample)), 1)
    if clock[0] > k:
        return
    clock[0] = k + 1
    j = k - t[MIN_DELAY]
    traces(t, sample, DECAY_PRE, 0, 0, k)
    if t[RING]:
        traces(t, sample, DECAY_POST, j % t[Y_SLOTS], (j - 1) % t[Y_SLOTS], k)
        traces(t, sample, GROW_POST, j % t[Y_SLOTS], 0, j)
    else:
        traces(t, sample, DECAY_POST, 0, 0, k)
    call(t[SYNAPSES], t.ctypes.data, sample, AGE, 0, k, 0)
    if t[SAME_STEP] != POTENTIATING:
        post_spikes(t, sample, k)
    if t[SAME_STEP] == DEPRESSING and not t[RING]:
        traces(t, sample, GROW_POST, 0, 0, j)
    emissions(t, sample, k)
    traces(t, sample, GROW_PRE, 0, 0, k)
    if t[SAME_STEP] == POTENTIATING:
        post_spikes(t, sample, k)
    if t[SAME_STEP] != DEPRESSING and not t[RING]:
        traces(t, sample, GROW_POST, 0, 0, j)
    call(t[SYNAPSES], t.ctypes.data, sample, MODULATE, 0, k, 0)


@cfunc(OP, cache=True)
def note_op(table: Any, sample: Any, low: Any, high: Any, step: Any, scratch: Any) -> None:
    """Keep the presynaptic spikes of a step."""
    t = carray(i64_at(table), _N)
    row = (((step - t[LIST_FIRST]) & t[LIST_MASK]) + sample * t[LIST_STRIDE]) * t[LIST_PARTS]
    for p in range(t[LIST_PARTS]):
        listed = carray(i32_at(t[LIST_NEURON] + 4 * at(t[LIST_START], row + p)), at(t[LIST_COUNT], row + p))
        note(t, sample, step, listed, p > 0, False)


@cfunc(OP, cache=True)
def arrive_op(table: Any, sample: Any, low: Any, high: Any, step: Any, scratch: Any) -> None:
    """What arrives in a step, before the targets' update. Dendritic: first the synapses' last step."""
    t = carray(i64_at(table), _N)
    if t[DENDRITIC]:
        dendritic(t, sample, step - 1)
    else:
        j = step - t[MIN_DELAY]
        if t[RING]:
            traces(t, sample, DECAY_PRE, j % t[X_SLOTS], (j - 1) % t[X_SLOTS], step)
            traces(t, sample, GROW_PRE, j % t[X_SLOTS], 0, j)
        else:
            traces(t, sample, DECAY_PRE, 0, 0, step)
        traces(t, sample, DECAY_POST, 0, 0, step)
        call(t[SYNAPSES], t.ctypes.data, sample, AGE, 0, step, 0)
        arrivals(t, sample, step, DELIVER | LEARN if t[SAME_STEP] == POTENTIATING else DELIVER)
    traces(t, sample, TAKE, step % t[OUT_SLOTS], 0, step)


@cfunc(OP, cache=True)
def learn_op(table: Any, sample: Any, low: Any, high: Any, step: Any, scratch: Any) -> None:
    """After the targets' update: keep their spikes, and change weights. Dendritic: that waits for the next step."""
    t = carray(i64_at(table), _N)
    row = (((step - t[LIST_FIRST]) & t[LIST_MASK]) + sample * t[LIST_STRIDE]) * t[LIST_PARTS] + t[PART]
    listed = carray(i32_at(t[LIST_NEURON] + 4 * at(t[LIST_START], row)), at(t[LIST_COUNT], row))
    note(t, sample, step, listed, False, True)
    tally = carray(i64_at(t[TALLY] + 8 * sample * t[N_POST]), t[N_POST])
    for q in range(listed.size):
        tally[listed[q]] += 1
    if t[DENDRITIC]:
        return
    if t[SAME_STEP] != POTENTIATING:
        post_spikes(t, sample, step)
        if t[SAME_STEP] == DEPRESSING:
            traces(t, sample, GROW_POST, 0, 0, step)
        arrivals(t, sample, step, LEARN)  # where the presynaptic side acts first, it has learned on arrival
    if not t[RING]:
        traces(t, sample, GROW_PRE, 0, 0, step - t[MAX_DELAY])
    if t[SAME_STEP] == POTENTIATING:
        post_spikes(t, sample, step)
    if t[SAME_STEP] != DEPRESSING:
        traces(t, sample, GROW_POST, 0, 0, step)
    call(t[SYNAPSES], t.ctypes.data, sample, MODULATE, 0, step, 0)


@cfunc(OP, cache=True)
def finish_op(table: Any, sample: Any, low: Any, high: Any, step: Any, scratch: Any) -> None:
    """What is left to do for the step before ``step``, so that weights can be read."""
    t = carray(i64_at(table), _N)
    if t[DENDRITIC]:
        dendritic(t, sample, step - 1)
