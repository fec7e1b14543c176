"""The update op of a neuron model, generated from its scalar step."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim.engine.driver import STATUS, TILE, Status
from neurosim.engine.generate import enum_import, function_source, load_generated
from neurosim.engine.neuron_kernel import check_step
from neurosim.neurons.model import NeuronModel

__all__ = ["update_op"]

_TEMPLATE = '''"""Generated from {owner}: its step, in a loop over the neurons of a tile. Do not edit."""

from __future__ import annotations

import math

from numba import carray, cfunc, njit
{imports}

from neurosim.engine.native import OP, {pointer}, i64_at, u8_at
from neurosim.engine.spike_list import append_spikes

{constants}


{step}


@njit(error_model="numpy")
def loop({parameters}, spikes_, tile_):
    bad_ = False
{hoisted}    for n_ in range(tile_):
        {outputs}, spike_ = step({arguments})
        {stores}
        bad_ |= not (abs(new_{first}) < math.inf)
        spikes_[n_] = spike_
    return bad_


@cfunc(OP, cache=True, error_model="numpy")
def update(table, sample, low, high, step, scratch):
    """table: population, size, status, list of spikes (neuron, count, edges, parts), states, coefficients;
    scratch: arrivals, spikes, part, current."""
    t = carray(i64_at(table), {table_size})
    own = carray(i64_at(scratch), 4)
    size, tile = t[1], high - low
    at = (sample * size + low) * {itemsize}
    spikes = carray(u8_at(own[1]), tile)
    if loop({actual}, spikes, tile):
        status = carray(i64_at(t[2]), {status})
        if not status[{bad_population}]:
            status[{bad_population}], status[{bad_step}], status[{bad_neuron}] = t[0] + 1, step, low
    {append}
'''

_APPEND = "append_spikes(own[1], tile, low, step, own[2], size, t[3], t[4], t[5], t[6])"
_FIXED = 7
"""Entries of the table before the addresses of states and coefficients."""


def update_op(
    model: NeuronModel, dt: float, dtype: Any, *, varies: bool = False, driven: bool = False
) -> int:
    """Address of the compiled op that updates a tile of neurons, for state of type ``dtype``.

    Args:
        varies: whether the coefficients are arrays, one value a neuron.
        driven: whether a current is injected: the scratch then holds what to add to the coefficient ``CURRENT``.

    Raises:
        DescriptionError: a step that takes or returns something else than the model declares, or cannot be compiled.
    """
    owner = f"{type(model).__module__}.{type(model).__qualname__}"
    imports, step = function_source(type(model).step, "step", owner)
    states, coefficients, receptors = model.STATE, list(model.coefficients(dt)), model.RECEPTORS
    check_step(model, dt)
    options = []
    for name in model.OPTIONS:
        value = getattr(model, name)
        imports.append(enum_import(type(value), type(value).__qualname__))
        options.append(f"{name.upper()} = {type(value).__qualname__}.{value.name}")
    itemsize = np.dtype(dtype).itemsize
    at = {4: "f32_at", 8: "f64_at"}[itemsize]
    first = _FIXED + len(states)

    def array(address: str, length: str = "tile") -> str:
        return f"carray({at}({address}), {length})"

    actual = [array(f"t[{_FIXED + i}] + at") for i in range(len(states))]
    actual += [array(f"own[0] + {i} * {TILE} * {itemsize}") for i in range(len(receptors))]
    where, length = (f" + low * {itemsize}", "tile") if varies else ("", "1")
    actual += [array(f"t[{first + i}]{where}", length) for i in range(len(coefficients))]
    arguments = [f"{name}[n_]" for name in states] + [f"{name}[n_]" for name in receptors]
    hoisted = ""
    for name in coefficients:
        value = f"{name}[n_]" if varies else f"shared_{name}"
        if not varies:
            hoisted += f"    {value} = {name}[0]\n"
        arguments.append(f"{value} + injected_[n_]" if driven and name == model.CURRENT else value)
    parameters = [*states, *receptors, *coefficients]
    if driven:
        parameters.append("injected_")
        actual.append(array("own[3]"))
    arguments += [name.upper() for name in model.OPTIONS]
    text = _TEMPLATE.format(
        owner=owner,
        imports="\n".join(dict.fromkeys(imports)),
        pointer=at,
        constants="\n".join(options),
        step=step,
        parameters=", ".join(parameters),
        hoisted=hoisted,
        outputs=", ".join(f"new_{name}" for name in states),
        first=states[0],
        arguments=", ".join(arguments),
        stores="\n        ".join(f"{name}[n_] = new_{name}" for name in states),
        table_size=first + len(coefficients),
        itemsize=itemsize,
        actual=",\n            ".join(actual),
        status=STATUS,
        bad_population=int(Status.BAD_POPULATION),
        bad_step=int(Status.BAD_STEP),
        bad_neuron=int(Status.BAD_NEURON),
        append=_APPEND if model.SPIKES else "",
    )
    address: int = load_generated(type(model).__name__, text).update.address
    return address
