"""The update kernel of a neuron model, generated from its scalar step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.generate import enum_import, function_source, load_generated
from neurosim.errors import DescriptionError
from neurosim.neurons.model import NeuronModel
from neurosim.parameters import Value

__all__ = ["check_step", "coefficient_table", "initial_state", "update_kernel", "update_reference"]

_TEMPLATE = '''"""Generated from {owner}: the loop over samples, steps and neurons around its step. Do not edit."""

from __future__ import annotations

from numba import njit
{imports}

{constants}


{step}


@njit(cache=True, nogil=True, error_model="numpy")
def update(state, coefficients, varies, ring, mask, raster, trace, first, start, stop, low, high):
    """state [n_state, S, n], coefficients [n_coefficients, n or 1] (varies: 1 or 0), ring [S, slots, n], raster uint8
    [S, block, n], trace [n_state, S, block or 0, n]; steps start to stop, neurons low to high; the block
    starts at first."""
    keep = trace.shape[2] > 0
    for s in range(ring.shape[0]):
        for k in range(start, stop):
            slot = k & mask
            for n in range(low, high):
                c = n * varies
                {outputs}, spike = step({arguments})
                {stores}
                ring[s, slot, n] = 0.0
                raster[s, k - first, n] = spike
                if keep:
                    {traces}
'''


def update_kernel(model: NeuronModel, dt: float) -> Callable[..., None]:
    """The compiled loop of a model with its options compiled in."""
    owner = f"{type(model).__module__}.{type(model).__qualname__}"
    imports, step = function_source(type(model).step, "step", owner)
    check_step(model, dt)
    options = []
    for name in model.OPTIONS:
        value = getattr(model, name)
        imports.append(enum_import(type(value), type(value).__qualname__))
        options.append(f"{name.upper()} = {type(value).__qualname__}.{value.name}")
    states, coefficients = model.STATE, list(model.coefficients(dt))
    arguments = [f"state[{i}, s, n]" for i in range(len(states))]
    arguments.append("ring[s, slot, n]")
    arguments += [f"coefficients[{i}, c]" for i in range(len(coefficients))]
    arguments += [name.upper() for name in model.OPTIONS]
    pad = ",\n                    "
    text = _TEMPLATE.format(
        owner=owner,
        imports="\n".join(dict.fromkeys(imports)),
        constants="\n".join(options),
        step=step,
        outputs=", ".join(f"new_{name}" for name in states),
        arguments=pad.lstrip(",") + pad.join(arguments) + ",\n                ",
        stores="\n                ".join(f"state[{i}, s, n] = new_{name}" for i, name in enumerate(states)),
        traces="\n                    ".join(
            f"trace[{i}, s, k - first, n] = new_{name}" for i, name in enumerate(states)
        ),
    )
    return load_generated(type(model).__name__, text).update


def _initial(model: NeuronModel, dt: float) -> list[Value]:
    values = model.initial(dt)
    if set(values) != set(model.STATE):
        raise DescriptionError(
            "initial gives other states than the model declares",
            where=f"{type(model).__module__}.{type(model).__qualname__}",
            value=list(values),
            limit=list(model.STATE),
        )
    return [values[name] for name in model.STATE]


def check_step(model: NeuronModel, dt: float) -> None:
    """Take one step of the first neuron in plain Python: what is wrong with it Numba would say in fifty lines.

    Raises:
        DescriptionError: ``step`` takes or returns something else than the model declares.
    """
    owner = f"{type(model).__module__}.{type(model).__qualname__}"
    expected = [*model.STATE, *model.RECEPTORS, *model.coefficients(dt), *model.OPTIONS]
    if (found := list(inspect.signature(type(model).step).parameters)) != expected:
        raise DescriptionError(
            "step takes other arguments than the model declares", where=owner, value=found, limit=expected
        )
    numbers = [*_initial(model, dt), *(0.0 for _ in model.RECEPTORS), *model.coefficients(dt).values()]
    try:
        found = type(model).step(
            *(float(np.asarray(v).flat[0]) for v in numbers), *(getattr(model, o) for o in model.OPTIONS)
        )
    except ArithmeticError:  # at these numbers; the compiled step goes on with inf or NaN, as NumPy does
        return
    if not isinstance(found, tuple) or len(found) != len(model.STATE) + 1:
        raise DescriptionError(
            "step must return the new state and whether the neuron spikes",
            where=owner,
            value=found,
            limit=f"({', '.join((*model.STATE, 'spike'))})",
        )


def update_reference(
    model: NeuronModel, dt: float, state: NDArray[Any], x: NDArray[Any]
) -> NDArray[np.bool_]:
    """The same in plain Python, one step: ``state`` [n_state, n] is changed in place, ``x`` are the arrivals, [n] or
    [n_receptors, n]."""
    n = state.shape[1]
    coefficients = [np.broadcast_to(c, n).tolist() for c in model.coefficients(dt).values()]
    options = [getattr(model, name) for name in model.OPTIONS]
    spikes = np.zeros(n, np.bool_)
    x = np.asarray(x, np.float64).reshape(len(model.RECEPTORS), n)
    for i in range(n):
        *new, spikes[i] = model.step(
            *state[:, i].tolist(), *x[:, i].tolist(), *(c[i] for c in coefficients), *options
        )
        state[:, i] = new
    return spikes


def coefficient_table(model: NeuronModel, dt: float, size: int) -> tuple[NDArray[np.float64], int]:
    """Coefficients as [n_coefficients, n] and 1, or as [n_coefficients, 1] and 0 where all neurons share them."""
    values = [np.asarray(v, np.float64).reshape(-1) for v in model.coefficients(dt).values()]
    varies = int(any(v.size > 1 for v in values))
    columns = size if varies else 1
    return np.array([np.broadcast_to(v, columns) for v in values]).reshape(len(values), columns), varies


def initial_state(model: NeuronModel, dt: float, samples: int, size: int) -> NDArray[np.float64]:
    """State before step 0, float64 [n_state, samples, n]."""
    out = np.empty((len(model.STATE), samples, size))
    for i, value in enumerate(_initial(model, dt)):
        out[i] = np.asarray(value, np.float64).reshape(-1)
    return out
