"""Pair STDP as a SpiNNaker core computes it: at presynaptic spikes, from the last postsynaptic ones.

For an emulator, two functions for Numba kernels::

    post_event(history, rules, rule, n, t)                     neuron n spiked in step t     -> 1 if its trace wrapped
    plastic_row(rules, rows, history, row, t)                  a packet for a row in step t  -> (missed, wrapped)

`plastic_row` changes ``rows.weight`` of the row, ``rows.last_time[row]`` and ``rows.last_trace[row]`` in place.
**The weights it leaves are the ones to add to the ring buffers**, exactly like those of fixed rows: synapses
``rows.start[row]`` to ``rows.start[row + 1]``, fields ``target``, ``receptor``, ``delay``, ``weight``. Call
`post_event` for the spikes of step t before the packets of step t. ``n`` and ``rows.target`` number the neurons that
``history`` was made for, ``rules`` comes from `rule_table`, ``history`` from `empty_history`. A row without synapses
still keeps its header. ``missed`` counts synapses that came too late for events that the history no longer holds,
``wrapped`` is 1 if the trace of the row exceeded 16 bits.

The rule (sPyNNaker 7.4.1, ``synapse_dynamics_stdp_mad_impl.c``, ``post_events.h``, ``timing_pair_impl.h``; checked
against the machine code of the shipped programs). Presynaptic spike at t, the one before at t0 with trace x; synapse of
delay d; postsynaptic spikes p in order, with traces y:

    for p with max(t0 - d, 0) < p <= max(t - d, 0):  D = p + d - t0
        w <- w + A+ x lut+[D],             not above w_max           (additive)
        w <- w + A+ (w_max - w) x lut+[D]                            (multiplicative: not clipped)
    for the last p <= max(t - d, 0), if any:  D = t - d - p
        w <- w - A- y lut-[D],             not below w_min           (additive)
        w <- w - A- (w - w_min) y lut-[D]                            (multiplicative)
    x <- x lut+[t - t0] + 1,  t0 <- t

Every product is floored. w is the 16-bit weight shifted left by the receptor's shift, and shifted back after. The
nearest variants have no traces: x = y = 1, and a p whose predecessor q (as it was sent, without delay) came after t0
adds nothing. Because the lower end of the window is not below zero, a postsynaptic spike of step 0 never potentiates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hardware.spinnaker.numerics.arithmetic import multiply, wrap
from neurosim.hardware.spinnaker.numerics.pair_rule import STDP_ONE, PairRule
from neurosim.plasticity.options import Dependence, Pairing

__all__ = [
    "HISTORY",
    "PlasticRows",
    "PostHistory",
    "RuleTable",
    "empty_history",
    "plastic_row",
    "plastic_row_reference",
    "post_event",
    "post_event_reference",
    "rule_table",
]

Int64 = NDArray[np.int64]
HISTORY = 16
"""Entries of the history of a neuron: a permanent one of time and trace zero, and the last 15 spikes."""
_ONE, _FRACTION = STDP_ONE, 11
_TO_ACCUM = 4  # s4.11 to s16.15
_ADDITIVE, _NEAREST = int(Dependence.ADDITIVE), int(Pairing.NEAREST)


class RuleTable(NamedTuple):
    """Rules by number: ``options`` int64 [rules, 3] dependence, pairing, backprop; decay tables int16 [rules, k], zero
    beyond their ends; ``words`` int64 [rules, 2, 4] w_min, w_max, A+, A-; ``shift`` int64 [rules, 2]."""

    options: Int64
    lut_plus: NDArray[np.int16]
    lut_minus: NDArray[np.int16]
    words: Int64
    shift: Int64


class PostHistory(NamedTuple):
    """Spikes of each neuron: ``held`` int32 [n] how many; ``time`` int32 and ``trace`` int16 [n, 16], from entry 1 on;
    ``lost`` int32 [n] time of the last one that is not held any more, -1 for none."""

    held: NDArray[np.int32]
    time: NDArray[np.int32]
    trace: NDArray[np.int16]
    lost: NDArray[np.int32]


class PlasticRows(NamedTuple):
    """Rows by number: ``start`` int64 [rows + 1]; ``rule`` int64 [rows]; ``last_time`` int64 and ``last_trace`` int16
    [rows] of the last presynaptic spike; ``target`` int32, ``receptor`` uint8, ``delay`` int32,
    ``weight`` uint16 [k]."""

    start: Int64
    rule: Int64
    last_time: Int64
    last_trace: NDArray[np.int16]
    target: NDArray[np.int32]
    receptor: NDArray[np.uint8]
    delay: NDArray[np.int32]
    weight: NDArray[np.uint16]


def rule_table(rules: list[tuple[PairRule, tuple[int, int]]]) -> RuleTable:
    """Rules with the left shifts of the receptors of their populations, as kernels take them."""
    longest = max((len(t) for r, _ in rules for t in (r.lut_plus, r.lut_minus)), default=0)
    tables = np.zeros((2, len(rules), longest), dtype=np.int16)
    for i, (rule, _) in enumerate(rules):
        tables[0, i, : len(rule.lut_plus)] = rule.lut_plus
        tables[1, i, : len(rule.lut_minus)] = rule.lut_minus
    options = [(r.dependence, r.pairing, r.backprop_delay) for r, _ in rules]
    return RuleTable(
        np.array(options, dtype=np.int64).reshape(-1, 3),
        tables[0],
        tables[1],
        np.array([r.words for r, _ in rules], dtype=np.int64).reshape(-1, 2, 4),
        np.array([shift for _, shift in rules], dtype=np.int64).reshape(-1, 2),
    )


def empty_history(n: int) -> PostHistory:
    """The history of n neurons that have not spiked."""
    return PostHistory(
        np.zeros(n, np.int32),
        np.zeros((n, HISTORY), np.int32),
        np.zeros((n, HISTORY), np.int16),
        np.full(n, -1, np.int32),
    )


def _lookup(lut: NDArray[np.int16], steps: int) -> Any:
    """The decay over that many steps; zero beyond the table."""
    return np.int64(lut[np.uint64(steps)]) if 0 <= steps < len(lut) else np.int64(0)


def _kept(trace: int) -> int:
    """A trace as 16 bits keep it."""
    return ((trace + 0x8000) & 0xFFFF) - 0x8000


_lookup_jit = njit(cache=True, inline="always")(_lookup)
_kept_jit = njit(cache=True, inline="always")(_kept)


def _post_event(history: PostHistory, rules: RuleTable, rule: int, n: int, t: int) -> int:
    """Note that neuron n, whose core has a rule, spiked in step t. 1 if its trace wrapped, else 0."""
    count = history.held[n]
    trace = np.int64(0)
    if rules.options[rule, 1] != _NEAREST:
        decay = _lookup_jit(rules.lut_minus[rule], t - history.time[n, count])
        trace = ((np.int64(history.trace[n, count]) * decay) >> _FRACTION) + _ONE
    if count == HISTORY - 1:
        history.lost[n] = history.time[n, 1]
        for i in range(2, HISTORY):
            history.time[n, i - 1] = history.time[n, i]
            history.trace[n, i - 1] = history.trace[n, i]
    else:
        count += 1
        history.held[n] = count
    history.time[n, count] = t
    history.trace[n, count] = _kept_jit(trace)
    return 0 if _kept_jit(trace) == trace else 1


def _plastic_row(
    rules: RuleTable, rows: PlasticRows, history: PostHistory, row: int, t: int
) -> tuple[int, int]:
    """Bring the weights of a row up to date for its packet in step t: (synapses that missed events, trace wrapped)."""
    rule = rows.rule[row]
    additive, nearest = rules.options[rule, 0] == _ADDITIVE, rules.options[rule, 1] == _NEAREST
    backprop = rules.options[rule, 2]
    lut_plus, lut_minus = rules.lut_plus[rule], rules.lut_minus[rule]
    words, shifts = rules.words[rule], rules.shift[rule]
    before, x = rows.last_time[row], np.int64(rows.last_trace[row])
    # arrays by names of their own, and tables looked up in place: what goes through a tuple or a call is counted
    target, receptors, delays, weights = rows.target, rows.receptor, rows.delay, rows.weight
    times, traces, counts, lost = history.time, history.trace, history.held, history.lost
    missed = 0

    for k in range(rows.start[row], rows.start[row + 1]):
        n, receptor = target[k], receptors[k]
        d = np.int64(delays[k]) * backprop
        low, high, shift = words[receptor, 0], words[receptor, 1], shifts[receptor]
        w = wrap(np.int64(weights[k]) << shift)
        begin, end = max(before - d, 0), max(t - d, 0)
        if lost[n] > begin:
            missed += 1

        held = int(counts[n])
        last = held
        while last > 0 and times[n, last] > begin:
            last -= 1
        for i in range(last + 1, held + 1):
            p = np.int64(times[n, i])
            if p > end:
                break
            since = p + d - before
            change = np.int64(lut_plus[since]) if since < len(lut_plus) else np.int64(0)
            if nearest:
                if times[n, last] > before:
                    change = np.int64(0)
            else:
                change = (x * change) >> _FRACTION
            change <<= _TO_ACCUM
            if additive:
                w = min(wrap(w + wrap(multiply(words[receptor, 2], change))), high)
            else:
                part = wrap(multiply(wrap(high - w), words[receptor, 2]))
                w = wrap(w + wrap(multiply(part, change)))
            last = i

        if last > 0:
            since = t - d - times[n, last]
            change = np.int64(lut_minus[since]) if 0 <= since < len(lut_minus) else np.int64(0)
            if not nearest:
                change = (np.int64(traces[n, last]) * change) >> _FRACTION
            change <<= _TO_ACCUM
            if additive:
                w = max(wrap(w - wrap(multiply(words[receptor, 3], change))), low)
            else:
                part = wrap(multiply(wrap(w - low), words[receptor, 3]))
                w = wrap(w - wrap(multiply(part, change)))
        weights[k] = (w >> shift) & 0xFFFF

    rows.last_time[row] = t
    if nearest:
        return missed, 0
    trace = ((x * _lookup_jit(lut_plus, t - before)) >> _FRACTION) + _ONE
    rows.last_trace[row] = _kept_jit(trace)
    return missed, 0 if _kept_jit(trace) == trace else 1


post_event = njit(cache=True, nogil=True)(_post_event)
plastic_row = njit(cache=True, nogil=True)(_plastic_row)


def post_event_reference(history: PostHistory, rules: RuleTable, rule: int, n: int, t: int) -> int:
    """`post_event` in plain Python."""
    held = int(history.held[n])
    events = [(int(history.time[n, i]), int(history.trace[n, i])) for i in range(1, held + 1)]
    time, trace = events[-1] if events else (0, 0)
    new = 0
    if rules.options[rule, 1] != Pairing.NEAREST:
        new = trace * _lookup(rules.lut_minus[rule], t - time) // STDP_ONE + STDP_ONE
    events.append((t, int(np.array(new).astype(np.int16))))
    if len(events) == HISTORY:
        history.lost[n] = events.pop(0)[0]
    history.held[n] = len(events)
    history.time[n, 1 : len(events) + 1], history.trace[n, 1 : len(events) + 1] = zip(*events, strict=True)
    return int(events[-1][1] != new)


def plastic_row_reference(
    rules: RuleTable, rows: PlasticRows, history: PostHistory, row: int, t: int
) -> tuple[int, int]:
    """`plastic_row` in plain Python, from the formulas."""
    rule = int(rows.rule[row])
    dependence, pairing, backprop = (int(o) for o in rules.options[rule])
    plus, minus = rules.lut_plus[rule], rules.lut_minus[rule]
    before, x = int(rows.last_time[row]), int(rows.last_trace[row])
    nearest = pairing == Pairing.NEAREST
    missed = 0
    for k in range(int(rows.start[row]), int(rows.start[row + 1])):
        n, receptor = int(rows.target[k]), int(rows.receptor[k])
        d = int(rows.delay[k]) if backprop else 0
        low, high, a_plus, a_minus = (int(v) for v in rules.words[rule, receptor])
        shift = int(rules.shift[rule, receptor])

        def product(a: int, b: int) -> int:
            return int(wrap(a * b // 2**15))

        held = range(1, int(history.held[n]) + 1)
        events = [(int(history.time[n, i]), int(history.trace[n, i])) for i in held]
        begin, end = max(before - d, 0), max(t - d, 0)
        missed += int(history.lost[n]) > begin
        w = int(wrap(int(rows.weight[k]) << shift))
        for p, _ in ((p, y) for p, y in events if begin < p <= end):
            since = p + d - before
            earlier = max((q for q, _ in events if q < p), default=0)
            if nearest:
                change = 0 if earlier > before else 16 * _lookup(plus, since)
            else:
                change = 16 * (x * _lookup(plus, since) // STDP_ONE)
            if dependence == Dependence.ADDITIVE:
                w = min(int(wrap(w + product(a_plus, change))), high)
            else:
                w = int(wrap(w + product(product(int(wrap(high - w)), a_plus), change)))
        past = [(p, y) for p, y in events if p <= end]
        if past:
            p, y = past[-1]
            decay = _lookup(minus, t - d - p)
            change = 16 * (decay if nearest else y * decay // STDP_ONE)
            if dependence == Dependence.ADDITIVE:
                w = max(int(wrap(w - product(a_minus, change))), low)
            else:
                w = int(wrap(w - product(product(int(wrap(w - low)), a_minus), change)))
        rows.weight[k] = (w >> shift) % 2**16
    rows.last_time[row] = t
    new = 0 if nearest else x * _lookup(plus, t - before) // STDP_ONE + STDP_ONE
    rows.last_trace[row] = np.array(new).astype(np.int16)
    return missed, int(int(rows.last_trace[row]) != new)
