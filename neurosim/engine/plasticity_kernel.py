"""The ops of a plasticity rule on a range of synapses, generated from its scalar functions."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.engine.generate import enum_import, function_source, load_generated
from neurosim.engine.plasticity_walk import TABLE
from neurosim.errors import DescriptionError
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["MOST_TRACES", "TINY", "numbers_of", "rule_ops", "trace_op"]

TINY = 1e-30
"""Traces below this are zero: a neuron silent for long would make arithmetic with subnormal numbers slow."""
MOST_TRACES = 16
"""Traces a rule may have on each side."""

_TEMPLATE = '''"""Generated from {owner}: what its functions do to a range of synapses. Do not edit.

W [n_syn]; S [states, n_syn] times its scale is what a synapse remembers.
X [traces, rows, n_pre], Y [traces, rows, n_post].
"""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, njit

from neurosim.engine.native import {addresses}
{imports}

{constants}
NX, NY, NS, SIZE = {nx}, {ny}, {ns}, {size}
REAL = np.{real_name}


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
    mask = (np.uint64(1) << pre_bits) - np.uint64(1)
    synapse = carray(u32_at(t[SYNAPSE] + 4 * a), b - a)
    word = carray({column}_at(t[COLUMN_WORD] + a * {column_size}), b - a)
    if t[RING] and not t[DENDRITIC]:  # every delay finds its own row of traces
        x_slots = t[X_SLOTS]
        {pre_rings}
        for q in range(b - a):
            e = synapse[q]
            i = np.uint64(word[q]) & mask
            at = row - np.int64(np.uint64(word[q]) >> pre_bits)
            at = at + x_slots if at < 0 else at
            {post_spread}
        return
    for q in range(b - a):
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

_TRACES = '''"""Traces of {real_name}, and the arrivals of a step. Generated; do not edit."""

from __future__ import annotations

from numba import carray, cfunc, njit

from neurosim.engine.native import OP, i32_at, i64_at, {real}_at

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

_SHORT = {"float32": "f32", "float64": "f64", "uint16": "u16", "uint32": "u32", "uint64": "u64"}


_PLACES = [*(f"{name.upper()} = {i}" for i, name in enumerate(TABLE)), f"N_TABLE = {len(TABLE)}"]


def trace_op(real: DTypeLike) -> int:
    """Address of the compiled op for traces of this type, whatever the rule."""
    kind = np.dtype(real)
    text = _TRACES.replace("{constants}", "\n".join(_PLACES)).replace("{size}", str(kind.itemsize))
    text = text.replace("{real_name}", kind.name).replace("{real}", _SHORT[kind.name])
    address: int = load_generated("traces", text).traces.address
    return address


def rule_ops(
    rule: PlasticityRule, dt: float, real: DTypeLike, word: DTypeLike, column: DTypeLike
) -> ModuleType:
    """The compiled ops of a rule, its options compiled in: ``pre``, ``post`` and ``synapses``.

    Args:
        real: type of weights and traces; word, column: types of the words in rows and columns.

    Raises:
        DescriptionError: the rule's functions take other arguments than it declares, or a trace has no decay.
    """
    cls = type(rule)
    owner = f"{cls.__module__}.{cls.__qualname__}"
    _check_names(rule, dt, owner)
    nx, ny, ns = len(rule.PRE_TRACES), len(rule.POST_TRACES), len(rule.SYNAPSE)
    nc = len(rule.coefficients(dt))
    imports: list[str] = []
    constants = [*_PLACES, f"HAS_MODULATE = {cls.modulate is not None}"]
    for name in rule.OPTIONS:
        value = getattr(rule, name)
        imports.append(enum_import(type(value), type(value).__qualname__))
        constants.append(f"OPTION_{name.upper()} = {type(value).__qualname__}.{value.name}")
    sources = []
    for name in ("on_pre", "on_post", "modulate"):
        if getattr(cls, name) is not None:
            more, source = function_source(getattr(cls, name), name, owner)
            imports += more
            sources.append(source)
    base = 3 + 2 * nx + 2 * ny
    last = ["m", *(f"c{i}" for i in range(nc)), *(f"OPTION_{name.upper()}" for name in rule.OPTIONS)]

    def change(indent: int, function: str, *seen: str) -> str:
        call = f"{function}({', '.join(['w[e]', *(f's{i}[e] * g{i}' for i in range(ns)), *seen, *last])})"
        clip = "w[e] = low if v < low else (high if v > high else v)"
        if not ns or function == "modulate":
            return _lines(indent, f"v = {call}", clip)
        kept = [f"s{i}[e] = n{i} * r{i}" for i in range(ns)]
        return _lines(indent, f"{', '.join(['v', *(f'n{i}' for i in range(ns))])} = {call}", clip, *kept)

    unpack = [
        "low, high, one = num[0], num[1], num[2] / num[2]",
        *(f"c{i} = num[{base + i}]" for i in range(nc)),
        *(f"g{i} = REAL(carray(f64_at(t[SCALE64] + 8 * lane * NS), NS)[{i}])" for i in range(ns)),
        *(f"r{i} = one / g{i}" for i in range(ns)),
    ]
    x_row = "carray({real}_at(t[X] + ((lane * NX + %d) * t[X_SLOTS] + %s) * t[N_PRE] * SIZE), t[N_PRE])"
    y_row = "carray({real}_at(t[Y] + ((sample * NY + %d) * t[Y_SLOTS] + %s) * t[N_POST] * SIZE), t[N_POST])"
    x_ring = (
        "carray({real}_at(t[X] + (lane * NX + %d) * t[X_SLOTS] * t[N_PRE] * SIZE), (t[X_SLOTS], t[N_PRE]))"
    )
    y_ring = "carray({real}_at(t[Y] + (sample * NY + %d) * t[Y_SLOTS] * t[N_POST] * SIZE), (t[Y_SLOTS], t[N_POST]))"
    s_row = "carray({real}_at(t[STATES] + (sample * NS + %d) * n * SIZE), n)"
    types = {n: _SHORT[np.dtype(k).name] for n, k in (("real", real), ("word", word), ("column", column))}
    pre_own = [
        f"x{c} = {x_row % (c, 'max(before, 0)')}[i] * (num[{3 + c}] if before >= 0 else one)"
        for c in range(nx)
    ]
    post_own = [
        f"y{c} = {y_row % (c, 'max(before, 0)')}[j] * (num[{3 + 2 * nx + c}] if before >= 0 else one)"
        for c in range(ny)
    ]
    xs, ys = [f"x{c}" for c in range(nx)], [f"y{c}" for c in range(ny)]
    template = _TEMPLATE
    if not ns and cls.modulate is None:
        template = template[: template.index("    if NS == 0 and not HAS")] + "    return\n"
    text = template.replace("{modulate}", change(16, "modulate") if cls.modulate is not None else "pass")
    fill = {
        "owner": owner,
        "addresses": ", ".join(
            ["OP", *sorted({f"{k}_at" for k in (*types.values(), "f64", "i32", "i64", "u32")})]
        ),
        "imports": "\n".join(dict.fromkeys(imports)),
        "constants": "\n".join(constants),
        "functions": "\n\n\n".join(sources),
        "unpack_post": _lines(4, *unpack),
        "pre_own": _lines(8, *pre_own),
        "post_own": _lines(4, *post_own),
        "pre_factors": _lines(4, *(f"fx{c} = num[{3 + c}] if old else one" for c in range(nx))),
        "post_factors": _lines(8, *(f"fy{c} = num[{3 + 2 * nx + c}] if old else one" for c in range(ny))),
        "pre_rings": _lines(8, *(f"pp{c} = {x_ring % c}" for c in range(nx))),
        "post_rings": _lines(8, *(f"pp{c} = {y_ring % c}" for c in range(ny))),
        "pre_own_again": _lines(12, *pre_own),
        "pre_next_again": _lines(16, *(f"x{c} = x{c} * num[{3 + nx + c}] + one" for c in range(nx))),
        "pre_spread": change(16, "on_pre", *xs, *(f"pp{c}[at, j] * fy{c}" for c in range(ny))),
        "post_spread": change(12, "on_post", *(f"pp{c}[at, i] * fx{c}" for c in range(nx)), *ys),
        "pre_rows": _lines(4, *(f"px{c} = {x_row % (c, 'row')}" for c in range(nx))),
        "post_rows": _lines(8, *(f"py{c} = {y_row % (c, 'row')}" for c in range(ny))),
        "post_runs": _lines(16, *(f"pr{c} = py{c}[first : first + size]" for c in range(ny))),
        "state_rows": _lines(
            4, *(f"S{i} = {s_row % i}" for i in range(ns)), *(f"s{i} = S{i}" for i in range(ns))
        ),
        "state_slices": _lines(8, *(f"s{i} = {s_row % i}[a:b]" for i in range(ns))),
        "modulate_slices": _lines(12, *(f"s{i} = S{i}[a:b]" for i in range(ns))),
        "pre_run": change(20, "on_pre", *xs, *(f"pr{c}[e] * fy{c}" for c in range(ny))),
        "pre_gather": change(20, "on_pre", *xs, *(f"py{c}[j] * fy{c}" for c in range(ny))),
        "pre_next": _lines(12, *(f"x{c} = x{c} * num[{3 + nx + c}] + one" for c in range(nx))),
        "post_dense": change(12, "on_post", *(f"px{c}[i] * fx{c}" for c in range(nx)), *ys),
        "post_gather": change(8, "on_post", *(f"px{c}[i] * fx{c}" for c in range(nx)), *ys),
        "fold": _lines(12, *(f"S{i}[a:b] *= g{i}" for i in range(ns))),
        "nx": str(nx),
        "ny": str(ny),
        "ns": str(ns),
        "size": str(np.dtype(real).itemsize),
        "real_name": np.dtype(real).name,
        "word_size": str(np.dtype(word).itemsize),
        "column_size": str(np.dtype(column).itemsize),
    }
    head, rest = text.split("def pre(table", 1)
    middle, tail = rest.split("def synapses(table", 1)
    text = (
        head + "def pre(table" + middle.replace("{unpack}", _lines(8, *unpack))
        + "def synapses(table" + tail.replace("{unpack}", _lines(4, *unpack))
    )  # fmt: skip
    for name, value in fill.items():
        text = text.replace("{" + name + "}", value)
    for name, value in types.items():
        text = text.replace("{" + name + "}", value)
    return load_generated(cls.__name__, text)


def numbers_of(rule: PlasticityRule, dt: float, dtype: DTypeLike) -> NDArray[Any]:
    """What the ops take as numbers: bounds, `TINY`, factor and keep of every trace, coefficients."""
    decays, restarting = rule.decays(dt), rule.restarting()
    traces = []
    for names in (rule.PRE_TRACES, rule.POST_TRACES):
        traces += [decays[name] for name in names] + [float(name not in restarting) for name in names]
    numbers = [rule.w_min, rule.w_max, TINY, *traces, *rule.coefficients(dt).values()]
    return np.array([float(v) for v in numbers], dtype)


def _lines(indent: int, *text: str) -> str:
    return ("\n" + " " * indent).join(text) or "pass"


def _check_names(rule: PlasticityRule, dt: float, owner: str) -> None:
    cls = type(rule)
    last = ["m", *rule.coefficients(dt), *rule.OPTIONS]
    expected = {
        "on_pre": ["weight", *rule.SYNAPSE, *rule.PRE_TRACES, *rule.POST_TRACES, *last],
        "modulate": ["weight", *rule.SYNAPSE, *last],
    }
    expected["on_post"] = expected["on_pre"]
    for name, arguments in expected.items():
        function = getattr(cls, name, None)
        if function is None and name == "modulate":
            continue
        found = None if function is None else list(inspect.signature(function).parameters)
        if found != arguments:
            raise DescriptionError(
                f"{name} takes other arguments than the rule declares",
                where=owner,
                value=found,
                limit=arguments,
            )
    names = {*rule.PRE_TRACES, *rule.POST_TRACES, *rule.SYNAPSE}
    if set(rule.decays(dt)) != names or not rule.restarting() <= names:
        raise DescriptionError(
            "decays must name every trace and what a synapse remembers",
            where=owner,
            value=sorted(rule.decays(dt)),
            limit=sorted(names),
        )
    if max(len(rule.PRE_TRACES), len(rule.POST_TRACES), len(rule.SYNAPSE)) > MOST_TRACES:
        raise DescriptionError("has too many traces", where=owner, value=len(names), limit=MOST_TRACES)
