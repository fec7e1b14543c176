"""The update op of a neuron model, generated from its scalar step."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from neurosim.engine.driver import STATUS, TILE, Status
from neurosim.engine.generate import enum_import, function_source, load_generated
from neurosim.engine.neuron_kernel import check_step
from neurosim.neurons.model import NeuronModel

__all__ = ["update_arrays", "update_op"]

_TEMPLATE = '''"""Generated from {owner}: its step, in a loop over the neurons of a tile. Do not edit."""

from __future__ import annotations

import math

from numba import carray, cfunc, float32, njit
{imports}

from neurosim.engine.native import OP, SeparateArrays, {pointer}, i64_at, u8_at
from neurosim.engine.spike_list import append_spikes

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


@njit(cache=True, nogil=True, error_model="numpy")
def update_arrays(state, coefficients, x, spikes):
    """state [n_state, S, n], coefficients [n_coefficients, n or 1], x [receptors, S, n], spikes uint8 [S, n]."""
    for s in range(spikes.shape[0]):
        loop({rows}, spikes[s], spikes.shape[1])


@cfunc(OP, cache=True, error_model="numpy")
def update(table, sample, low, high, step, scratch):
    """table: population, size, status, list of spikes (neuron, count, edges, parts), states, coefficients,
    gain of an injected current; scratch: arrivals, spikes, part, current."""
    t = carray(i64_at(table), {table_size})
    own = carray(i64_at(scratch), 4)
    size, tile = t[1], high - low
    at = (sample * size + low) * {itemsize}
    spikes = carray(u8_at(own[1]), tile)
    bad = loop(
        {actual}, spikes, tile
    )
    if bad:
        status = carray(i64_at(t[2]), {status})
        if not status[{bad_population}]:
            status[{bad_population}], status[{bad_step}], status[{bad_neuron}] = t[0] + 1, step, low
    {append}
'''

_APPEND = "append_spikes(own[1], tile, low, step, own[2], size, t[3], t[4], t[5], t[6])"
_FIXED = 7
"""Entries of the table before the addresses of states and coefficients."""


def update_op(model: NeuronModel, dt: float, real: Any, *, varies: bool = False, driven: bool = False) -> int:
    """Address of the compiled op that updates a tile of neurons, for state of type ``real``.

    Args:
        varies: whether the coefficients are arrays, one value a neuron.
        driven: whether a current is injected: the scratch then holds it, and ``gain`` times it is added to the
            coefficient ``CURRENT``.

    Raises:
        DescriptionError: a step that takes or returns something else than the model declares, or cannot be compiled.
    """
    address: int = _compiled(model, dt, real, varies, driven).update.address
    return address


def update_arrays(model: NeuronModel, dt: float, *, varies: bool) -> Callable[..., None]:
    """The same for whole arrays of float64: ``(state, coefficients, x, spikes)``, all changed in place.

    state [n_state, S, n], coefficients [n_coefficients, n or 1] (`coefficient_table`), x [receptors, S, n] the
    arrivals, spikes uint8 [S, n].
    """
    function: Callable[..., None] = _compiled(model, dt, np.float64, varies, driven=False).update_arrays
    return function


_COMPILED: dict[Any, ModuleType] = {}


def _compiled(model: NeuronModel, dt: float, real: Any, varies: bool, driven: bool) -> ModuleType:
    chosen = tuple(getattr(model, name) for name in model.OPTIONS)
    key = (type(model), type(model).step, chosen, np.dtype(real), varies, driven)
    if key not in _COMPILED:
        check_step(model, dt)
        _COMPILED[key] = _compile(model, list(model.coefficients(dt)), real, varies, driven)
    return _COMPILED[key]


def _compile(
    model: NeuronModel, coefficients: list[str], real: Any, varies: bool, driven: bool
) -> ModuleType:
    owner = f"{type(model).__module__}.{type(model).__qualname__}"
    imports, step = function_source(type(model).step, "step", owner)
    if np.dtype(real) == np.float32:
        step = in_single(step)
    states, receptors = model.STATE, model.RECEPTORS
    options = []
    for name in model.OPTIONS:
        value = getattr(model, name)
        imports.append(enum_import(type(value), type(value).__qualname__))
        options.append(f"{name.upper()} = {type(value).__qualname__}.{value.name}")
    itemsize = np.dtype(real).itemsize
    at = {4: "f32_at", 8: "f64_at"}[itemsize]
    first = _FIXED + len(states)

    def array(address: str, length: str = "tile") -> str:
        return f"carray({at}({address}), {length})"

    actual = [array(f"t[{_FIXED + i}] + at") for i in range(len(states))]
    actual += [array(f"own[0] + {i} * {TILE} * {itemsize}") for i in range(len(receptors))]
    where, length = (f" + low * {itemsize}", "tile") if varies else ("", "1")
    actual += [array(f"t[{first + i}]{where}", length) for i in range(len(coefficients))]
    rows = [f"state[{i}, s]" for i in range(len(states))] + [f"x[{i}, s]" for i in range(len(receptors))]
    rows += [f"coefficients[{i}]" for i in range(len(coefficients))]
    arguments = [f"{name}[n_]" for name in states] + [f"{name}[n_]" for name in receptors]
    hoisted = ""
    for name in coefficients:
        value = f"{name}[n_]" if varies else f"shared_{name}"
        if not varies:
            hoisted += f"    {value} = {name}[0]\n"
        driven_value = f"{value} + gain_[{'n_' if varies else '0'}] * injected_[n_]"
        arguments.append(driven_value if driven and name == model.CURRENT else value)
    parameters = [*states, *receptors, *coefficients]
    if driven:
        parameters += ["gain_", "injected_"]
        actual += [array(f"t[{first + len(coefficients)}]{where}", length), array("own[3]")]
    arguments += [name.upper() for name in model.OPTIONS]
    text = _TEMPLATE.format(
        owner=owner,
        imports="\n".join(dict.fromkeys(imports)),
        pointer=at,
        constants="\n".join(options),
        step=step,
        parameters=", ".join(parameters),
        hoisted=hoisted,
        outputs="".join(f"new_{name}, " for name in states),
        check=f"bad_ |= not (abs(new_{states[0]}) < math.inf)" if states else "",
        arguments=", ".join(arguments),
        stores="\n        ".join(f"{name}[n_] = new_{name}" for name in states),
        table_size=first + len(coefficients) + 1,
        itemsize=itemsize,
        rows=", ".join(rows if not driven else [*rows, "coefficients[0]", "x[0, s]"]),
        actual=",\n            ".join(actual),
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
