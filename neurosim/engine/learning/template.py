"""The text of the ops of plastic synapses; `neurosim.engine.learning.kernel` fills in what is in braces."""

from __future__ import annotations

__all__ = ["RULE", "TRACES"]

RULE = '''"""Generated from {owner}: what its functions do to a range of synapses. Do not edit.

W [n_syn]; S [states, n_syn] times its scale is what a synapse remembers.
X [traces, rows, n_pre], Y [traces, rows, n_post].
"""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, njit

from neurosim.engine.ops.native import {addresses}
{imports}

{constants}
NX, NY, NS, SIZE = {nx}, {ny}, {ns}, {size}
REAL = np.{real_name}
AHEAD = 16


{functions}


@njit(error_model="numpy")
def third_factor(t, sample, step):
    """The modulator of a step; outside of the run, and where none is given, the rule's own."""
    k = step - t[FIRST]
    if t[MODULATION] and 0 <= k < t[STEPS]:
        return REAL(carray(f64_at(t[MODULATION]), (t[STEPS], t[SAMPLES]))[k, sample])
    return REAL(carray(f64_at(t[MODULATOR]), 1)[0])


@cfunc(OP, cache=True, error_model="numpy")
def pre(table, sample, a, b, step, argument):
    """A presynaptic spike at the synapses [a, b) of one row and delay: delivered, learned from, or both."""
    t = carray(i64_at(table), N_TABLE)
    told = carray(i64_at(argument), 16)
    i, before, row, old, mode, count, slot = told[0], told[1], told[2], told[3], told[4], told[5], told[6]
    lane, n, size, n_post = sample * t[PARTS] + t[PART], t[N_SYNAPSES], b - a, t[N_POST]
    word = carray({word}_at(t[WORD] + a * {word_size}), size)
    bits = np.uint64(t[TARGET_BITS])
    mask = (np.uint64(1) << bits) - np.uint64(1) if t[TARGET_BITS] else np.uint64(0xFFFFFFFF)
    first = np.int64(np.uint64(word[0]) & mask)
    run = t[DISTINCT] != 0 and np.int64(np.uint64(word[size - 1]) & mask) - first == size - 1
    w = carray({real}_at(t[WEIGHT] + (sample * n + a) * SIZE), size)
    held = carray({real}_at((t[HELD] if t[DEFERRED] else t[WEIGHT]) + (sample * n + a) * SIZE), size)
    if t[RING] and t[DENDRITIC]:  # every delay finds its own row of traces, and its own arrivals
        num = carray({real}_at(t[NUMBERS]), t[N_NUMBERS])
        m = third_factor(t, sample, step)
        y_slots, out_slots, times = t[Y_SLOTS], t[OUT_SLOTS], REAL(count)
        ring = carray({real}_at(t[OUT] + sample * out_slots * n_post * SIZE), (out_slots, n_post))
        {unpack}
        {post_factors}
        {post_rings}
        {state_slices}
        for e in range(size):
            j = np.int64(np.uint64(word[e]) & mask)
            if not t[LOW] <= j < t[HIGH]:
                continue
            delay = np.int64(np.uint64(word[e]) >> bits)
            at = (step - delay - old) % y_slots
            delivered = held[e]
            {pre_own_again}
            for again in range(count):
                {pre_spread}
                {pre_next_again}
            if t[DEFERRED]:
                held[e] = w[e]
            if t[AFTER]:
                delivered = w[e]
            ring[(step + delay) % out_slots, j] += times * delivered
        return
    out = carray({real}_at(t[OUT] + (sample * t[OUT_SLOTS] + slot) * n_post * SIZE), n_post)
    times = REAL(count)
    for phase in range(2):  # delivery comes before what is learned, or after it
        if mode & 1 and phase == t[AFTER]:
            if run:
                to = out[first : first + size]
                for e in range(size):
                    to[e] += times * held[e]
            else:
                for e in range(size):
                    out[np.uint64(word[e]) & mask] += times * held[e]
        if phase == 1 or not mode & 2:
            continue
        num = carray({real}_at(t[NUMBERS]), t[N_NUMBERS])
        m = third_factor(t, sample, step)
        {unpack}
        {pre_own}
        {post_factors}
        {post_rows}
        {state_slices}
        for again in range(count):
            if run:
                {post_runs}
                for e in range(size):
                    {pre_run}
            else:
                for e in range(size):
                    j = np.uint64(word[e]) & mask
                    {pre_gather}
            {pre_next}
        if t[DEFERRED]:
            held[:] = w


@cfunc(OP, cache=True, error_model="numpy")
def post(table, sample, a, b, step, argument):
    """A postsynaptic spike at the synapses [a, b) of a column, or, where all are joined, at all of its neuron."""
    t = carray(i64_at(table), N_TABLE)
    told = carray(i64_at(argument), 16)
    j, before, row, old = told[0], told[1], told[2], told[3]
    lane, n = sample * t[PARTS] + t[PART], t[N_SYNAPSES]
    num = carray({real}_at(t[NUMBERS]), t[N_NUMBERS])
    m = third_factor(t, sample, step)
    w = carray({real}_at(t[WEIGHT] + sample * n * SIZE), n)
    {unpack_post}
    {post_own}
    {pre_factors}
    {pre_rows}
    {state_rows}
    if t[DENSE]:
        stride = t[N_POST]
        for i in range(t[N_PRE]):
            e = i * stride + j
            {post_dense}
        return
    pre_bits = np.uint64(t[PRE_BITS])
    base = t[WEIGHT] + sample * n * SIZE
    mask = (np.uint64(1) << pre_bits) - np.uint64(1)
    synapse = carray(u32_at(t[SYNAPSE] + 4 * a), b - a)
    word = carray({column}_at(t[COLUMN_WORD] + a * {column_size}), b - a)
    if t[RING] and not t[DENDRITIC]:  # every delay finds its own row of traces
        x_slots = t[X_SLOTS]
        {pre_rings}
        for q in range(b - a):
            prefetch(base + SIZE * synapse[min(q + AHEAD, b - a - 1)])
            e = synapse[q]
            i = np.uint64(word[q]) & mask
            at = row - np.int64(np.uint64(word[q]) >> pre_bits)
            at = at + x_slots if at < 0 else at
            {post_spread}
        return
    for q in range(b - a):
        prefetch(base + SIZE * synapse[min(q + AHEAD, b - a - 1)])
        e = synapse[q]
        i = np.uint64(word[q]) & mask
        {post_gather}


@cfunc(OP, cache=True, error_model="numpy")
def synapses(table, sample, what, unused, step, argument):
    """A step passes for what synapses remember (0: one number, not a visit to each), or the modulator acts (1)."""
    if NS == 0 and not HAS_MODULATE:
        return
    t = carray(i64_at(table), N_TABLE)
    lane, n = sample * t[PARTS] + t[PART], t[N_SYNAPSES]
    num = carray({real}_at(t[NUMBERS]), t[N_NUMBERS])
    exact = carray(f64_at(t[SCALE64] + 8 * lane * NS), NS)
    fold = False
    if what == 0:
        for c in range(NS):
            exact[c] *= carray(f64_at(t[STATE_DECAY]), NS)[c]
            fold |= exact[c] < 2.0**-64
        if not fold:
            return
    m = third_factor(t, sample, step)
    if what == 1 and (m == 0 or not HAS_MODULATE):
        return
    word = carray({word}_at(t[WORD]), n)
    bits = np.uint64(t[TARGET_BITS])
    mask = (np.uint64(1) << bits) - np.uint64(1) if t[TARGET_BITS] else np.uint64(0xFFFFFFFF)
    whole = t[LOW] == 0 and t[HIGH] == t[N_POST]
    W = carray({real}_at(t[WEIGHT] + sample * n * SIZE), n)
    {unpack}
    {state_rows}
    a = 0
    while a < n:  # runs of synapses onto the lane's targets
        b = n
        if not whole:
            while a < n and not t[LOW] <= np.int64(np.uint64(word[a]) & mask) < t[HIGH]:
                a += 1
            b = a
            while b < n and t[LOW] <= np.int64(np.uint64(word[b]) & mask) < t[HIGH]:
                b += 1
        if what == 1:
            w = W[a:b]
            {modulate_slices}
            for e in range(w.size):
                {modulate}
        else:
            {fold}
        a = b
    if fold:
        for c in range(NS):
            exact[c] = 1.0
'''

TRACES = '''"""Traces of {real_name}, and the arrivals of a step. Generated; do not edit."""

from __future__ import annotations

from numba import carray, cfunc, njit

from neurosim.engine.ops.native import OP, i32_at, i64_at, {real}_at

{constants}
SIZE = {size}


@njit(error_model="numpy")
def decay(T, at, before, low, high, num, base):
    tiny, zero = num[2], num[2] * 0
    for c in range(T.shape[0]):
        f = num[base + c]
        a, b = T[c, at, low:high], T[c, before, low:high]
        for i in range(a.size):
            v = b[i] * f
            a[i] = v if v > tiny else zero


@njit(error_model="numpy")
def grow(T, at, neuron, count, num, base):
    one = num[2] / num[2]
    for c in range(T.shape[0]):
        keep = num[base + T.shape[0] + c]
        for q in range(neuron.size):
            for _ in range(count[q]):
                T[c, at, neuron[q]] = T[c, at, neuron[q]] * keep + one


@cfunc(OP, cache=True, error_model="numpy")
def traces(table, sample, what, unused, step, argument):
    """Traces decay (0 presynaptic, 1 postsynaptic) or grow (2, 3); or the arrivals of a step are handed over (4)."""
    t = carray(i64_at(table), N_TABLE)
    told = carray(i64_at(argument), 16)
    at, before, kept = told[0], told[1], told[2]
    lane, n_pre, n_post = sample * t[PARTS] + t[PART], t[N_PRE], t[N_POST]
    num = carray({real}_at(t[NUMBERS]), t[N_NUMBERS])
    if what == 0 or what == 2:
        T = carray({real}_at(t[X] + lane * t[N_X] * t[X_SLOTS] * n_pre * SIZE), (t[N_X], t[X_SLOTS], n_pre))
        if what == 0:
            decay(T, at, before, 0, n_pre, num, 3)
        else:
            n = carray(i64_at(t[PRE_N] + 8 * kept), 1)[0]
            grow(T, at, carray(i32_at(t[PRE_I] + 4 * kept * n_pre), n), carray(i32_at(t[PRE_C] + 4 * kept * n_pre), n),
                 num, 3)
    elif what == 1 or what == 3:
        T = carray({real}_at(t[Y] + sample * t[N_Y] * t[Y_SLOTS] * n_post * SIZE), (t[N_Y], t[Y_SLOTS], n_post))
        if what == 1:
            decay(T, at, before, t[LOW], t[HIGH], num, 3 + 2 * t[N_X])
        else:
            n = carray(i64_at(t[POST_N] + 8 * kept), 1)[0]
            grow(T, at, carray(i32_at(t[POST_I] + 4 * kept * n_post), n),
                 carray(i32_at(t[POST_C] + 4 * kept * n_post), n), num, 3 + 2 * t[N_X])
    else:
        width = t[HIGH] - t[LOW]
        slot = carray({real}_at(t[OUT] + ((sample * t[OUT_SLOTS] + at) * n_post + t[LOW]) * SIZE), width)
        arrivals = carray({real}_at(t[ARRIVALS] + (sample * n_post + t[LOW]) * SIZE), width)
        for i in range(width):
            arrivals[i] = slot[i]
            slot[i] = 0
'''
