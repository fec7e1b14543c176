"""The ops of a plasticity rule on a range of synapses, generated from its scalar functions."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurosim.engine.learning.template import RULE, TRACES
from neurosim.engine.learning.walk import TABLE
from neurosim.engine.ops.generate import enum_import, function_source, load_generated
from neurosim.engine.ops.native import SHORT
from neurosim.errors import DescriptionError
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["MOST_TRACES", "TINY", "numbers_of", "rule_ops", "trace_op"]

TINY = 1e-30
"""Traces below this are zero: a neuron silent for long would make arithmetic with subnormal numbers slow."""
MOST_TRACES = 16
"""Traces a rule may have on each side."""


_PLACES = [*(f"{name.upper()} = {i}" for i, name in enumerate(TABLE)), f"N_TABLE = {len(TABLE)}"]


def trace_op(real: DTypeLike) -> int:
    """Address of the compiled op for traces of this type, whatever the rule."""
    kind = np.dtype(real)
    text = TRACES.replace("{constants}", "\n".join(_PLACES)).replace("{size}", str(kind.itemsize))
    text = text.replace("{real_name}", kind.name).replace("{real}", SHORT[kind.name])
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
    types = {n: SHORT[np.dtype(k).name] for n, k in (("real", real), ("word", word), ("column", column))}
    pre_own = [
        f"x{c} = {x_row % (c, 'max(before, 0)')}[i] * (num[{3 + c}] if before >= 0 else one)"
        for c in range(nx)
    ]
    post_own = [
        f"y{c} = {y_row % (c, 'max(before, 0)')}[j] * (num[{3 + 2 * nx + c}] if before >= 0 else one)"
        for c in range(ny)
    ]
    xs, ys = [f"x{c}" for c in range(nx)], [f"y{c}" for c in range(ny)]
    template = RULE
    if not ns and cls.modulate is None:
        template = template[: template.index("    if NS == 0 and not HAS")] + "    return\n"
    text = template.replace("{modulate}", change(16, "modulate") if cls.modulate is not None else "pass")
    fill = {
        "owner": owner,
        "addresses": ", ".join(
            ["OP", "prefetch", *sorted({f"{k}_at" for k in (*types.values(), "f64", "i32", "i64", "u32")})]
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
