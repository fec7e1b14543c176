"""The update op of a neuron model, generated from its scalar step."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from neurosim.engine.ops.driver import BLOCK, STATUS, TILE, Status
from neurosim.engine.ops.generate import enum_import, function_source, load_generated
from neurosim.engine.ops.native import SHORT
from neurosim.engine.plain_neurons import check_step
from neurosim.neurons.model import NeuronModel

__all__ = ["TakenRing", "update_arrays", "update_op"]

_TEMPLATE = '''"""Generated from {owner}: its step, in a loop over the neurons of a tile. Do not edit."""

from __future__ import annotations

import math

from numba import carray, cfunc, float32, float64, njit
{imports}

from neurosim.engine.ops.native import OP, SeparateArrays, {pointers}
from neurosim.engine.ops.spike_list import append_spikes

{constants}


{step}


@njit(error_model="numpy", pipeline_class=SeparateArrays)
def loop({parameters}, spikes_, tile_):
    bad_ = False
{hoisted}    for n_ in range(tile_):
        ({outputs}spike_,) = step({arguments})
        {stores}
        {check}
        spikes_[n_] = spike_
    return bad_

{infinite}{update_arrays}

@cfunc(OP, cache=True, error_model="numpy")
def update(table, sample, low, high, step, scratch):
    """table: population, size, status, list of spikes (neuron, count, edges, parts), states, coefficients,
    gain of an injected current, and address, mask and weight of each taken ring; scratch: arrivals, spikes, part,
    current."""
    t = carray(i64_at(table), {table_size})
    own = carray(i64_at(scratch), 4)
    size, tile = t[1], high - low
    at = (sample * size + low) * {itemsize}
    spikes = carray(u8_at(own[1]), tile)
    bad = loop(
        {actual}, spikes, tile
    )
    {look}if bad:
        status = carray(i64_at(t[2]), {status})
        if not status[{bad_population}] or step < status[{bad_step}]:
            status[{bad_population}], status[{bad_step}], status[{bad_neuron}] = t[0] + 1, step, low
    {append}
'''

_INFINITE = """
@njit(error_model="numpy")
def infinite({names}, tile_):
    bad_ = False
    for n_ in range(tile_):
        bad_ |= not ({finite})
    return bad_

"""
"""The first state variable is looked at in every step; the others, which it mostly follows, at the end of a block."""

_UPDATE_ARRAYS = '''

@njit(cache=True, nogil=True, error_model="numpy")
def update_arrays(state, coefficients, x, spikes):
    """state [n_state, S, n], coefficients [n_coefficients, n or 1], x [receptors, S, n], spikes uint8 [S, n]."""
    for s in range(spikes.shape[0]):
        loop({rows}, spikes[s], spikes.shape[1])
'''

_APPEND = "append_spikes(own[1], tile, low, step, own[2], size, t[3], t[4], t[5], t[6])"
_FIXED = 7
"""Entries of the table before the addresses of states and coefficients."""


@dataclass(frozen=True)
class TakenRing:
    """A ring that the update itself takes the arrivals of a receptor from, and clears.

    Attributes:
        receptor: index of the receptor.
        dtype: float32 or float64 (sums), or uint16, uint32 (counts, times a weight).
        more: whether there is more in the scratch, to which it is added.
    """

    receptor: int
    dtype: np.dtype[Any]
    more: bool


def update_op(
    model: NeuronModel,
    dt: float,
    real: Any,
    *,
    varies: bool = False,
    driven: bool = False,
    rings: tuple[TakenRing, ...] = (),
) -> int:
    """Address of the compiled op that updates a tile of neurons, for state of type ``real``.

    Args:
        varies: whether the coefficients are arrays, one value a neuron.
        driven: whether a current is injected: the scratch then holds it, and ``gain`` times it is added to the
            coefficient ``CURRENT``.
        rings: receptors whose arrivals are taken from a ring; those of the others are in the scratch.

    Raises:
        DescriptionError: a step that takes or returns something else than the model declares, or cannot be compiled.
    """
    address: int = _compiled(model, dt, real, varies, driven, rings).update.address
    return address


def update_arrays(model: NeuronModel, dt: float, *, varies: bool) -> Callable[..., None]:
    """The same for whole arrays of float64: ``(state, coefficients, x, spikes)``, all changed in place.

    state [n_state, S, n], coefficients [n_coefficients, n or 1] (`coefficient_table`), x [receptors, S, n] the
    arrivals, spikes uint8 [S, n].
    """
    function: Callable[..., None] = _compiled(model, dt, np.float64, varies, False, ()).update_arrays
    return function


_COMPILED: dict[Any, ModuleType] = {}


def _compiled(
    model: NeuronModel, dt: float, real: Any, varies: bool, driven: bool, rings: tuple[TakenRing, ...]
) -> ModuleType:
    chosen = tuple(getattr(model, name) for name in model.OPTIONS)
    key = (type(model), type(model).step, chosen, np.dtype(real), varies, driven, rings)
    if key not in _COMPILED:
        check_step(model, dt)
        coefficients = list(model.coefficients(dt))
        _COMPILED[key] = _compile(model, coefficients, np.dtype(real), varies, driven, rings)
    return _COMPILED[key]


def _compile(
    model: NeuronModel,
    coefficients: list[str],
    real: np.dtype[Any],
    varies: bool,
    driven: bool,
    rings: tuple[TakenRing, ...],
) -> ModuleType:
    owner = f"{type(model).__module__}.{type(model).__qualname__}"
    imports, step = function_source(type(model).step, "step", owner)
    if real == np.float32:
        step = in_single(step)
    options = []
    for name in model.OPTIONS:
        value = getattr(model, name)
        imports.append(enum_import(type(value), type(value).__qualname__))
        options.append(f"{name.upper()} = {type(value).__qualname__}.{value.name}")
    at = f"{SHORT[real.name]}_at"
    entry = iter(range(_FIXED, 1000))  # entries of the table, in order
    given: dict[str, str] = {}  # parameters of the loop, and the arrays they stand for
    values: list[str] = []  # arguments of the step
    hoisted, stores = "", [f"{name}[n_] = new_{name}" for name in model.STATE]

    for name in model.STATE:
        given[name] = f"carray({at}(t[{next(entry)}] + at), tile)"
        values.append(f"{name}[n_]")
    taken = {ring.receptor: ring for ring in rings}
    for i, name in enumerate(model.RECEPTORS):
        if i not in taken or taken[i].more:
            given[name] = f"carray({at}(own[0] + {i * TILE * real.itemsize}), tile)"
        values.append(f"{name}[n_]")
    where, length = (f" + low * {real.itemsize}", "tile") if varies else ("", "1")
    for name in coefficients:
        given[name] = f"carray({at}(t[{next(entry)}]{where}), {length})"
        if not varies:
            hoisted += f"    shared_{name} = {name}[0]\n"
        values.append(f"{name}[n_]" if varies else f"shared_{name}")
    gain = next(entry)
    if driven:
        given["gain_"] = f"carray({at}(t[{gain}]{where}), {length})"
        given["injected_"] = f"carray({at}(own[3]), tile)"
        i = len(model.STATE) + len(model.RECEPTORS) + coefficients.index(str(model.CURRENT))
        values[i] += f" + gain_[{'n_' if varies else '0'}] * injected_[n_]"
    for ring in rings:
        name, i = model.RECEPTORS[ring.receptor], len(model.STATE) + ring.receptor
        address, mask, weight = next(entry), next(entry), next(entry)
        slot = f"(sample * (t[{mask}] + 1) + (step & t[{mask}])) * size + low"
        given[f"{name}_ring_"] = (
            f"carray({SHORT[ring.dtype.name]}_at(t[{address}] + ({slot}) * {ring.dtype.itemsize}), tile)"
        )
        value = f"{name}_ring_[n_]"
        if ring.dtype.kind == "u":
            given[f"{name}_weight_"] = f"carray({at}(t[{weight}]), 1)"
            hoisted += f"    weight_of_{name}_ = {name}_weight_[0]\n"
            value = f"weight_of_{name}_ * {real.name}({value})"
        values[i] = f"{name}[n_] + {value}" if ring.more else value
        stores.append(f"{name}_ring_[n_] = 0")

    rows = [f"state[{i}, s]" for i in range(len(model.STATE))] + [
        f"x[{i}, s]" for i in range(len(model.RECEPTORS))
    ]
    rows += [f"coefficients[{i}]" for i in range(len(coefficients))]
    others = model.STATE[1:]
    finite = " and ".join(f"abs({name}[n_]) < math.inf" for name in others)
    looked_at = ", ".join(given[name] for name in others)
    look = f"if step % {BLOCK} == {BLOCK - 1}:\n        bad |= infinite({looked_at}, tile)\n    "
    text = _TEMPLATE.format(
        owner=owner,
        infinite=_INFINITE.format(names=", ".join(others), finite=finite) if others else "",
        look=look if others else "",
        imports="\n".join(dict.fromkeys(imports)),
        pointers=", ".join(
            sorted({at, "i64_at", "u8_at"} | {f"{SHORT[ring.dtype.name]}_at" for ring in rings})
        ),
        constants="\n".join(options),
        step=step,
        parameters=", ".join(given),
        hoisted=hoisted,
        outputs="".join(f"new_{name}, " for name in model.STATE),
        check=f"bad_ |= not (abs(new_{model.STATE[0]}) < math.inf)" if model.STATE else "",
        arguments=", ".join([*values, *(name.upper() for name in model.OPTIONS)]),
        stores="\n        ".join(stores),
        table_size=next(entry),
        itemsize=real.itemsize,
        update_arrays="" if rings or driven else _UPDATE_ARRAYS.format(rows=", ".join(rows)),
        actual=",\n        ".join(given.values()),
        status=STATUS,
        bad_population=int(Status.BAD_POPULATION),
        bad_step=int(Status.BAD_STEP),
        bad_neuron=int(Status.BAD_NEURON),
        append=_APPEND if model.SPIKES else "",
    )
    return load_generated(type(model).__name__, text)


class _Single(ast.NodeTransformer):
    """Float literals as float32: in Numba a float64 literal would make everything it touches double."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, float):
            return node
        return ast.Call(ast.Name("float32", ast.Load()), [node], [])


def in_single(source: str) -> str:
    """The source of functions with their float literals in single precision."""
    tree = ast.fix_missing_locations(_Single().visit(ast.parse(source)))
    return "\n\n\n".join(ast.unparse(function) for function in tree.body)
