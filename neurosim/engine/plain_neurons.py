"""Neuron models as arrays: initial state, coefficients, and the step in plain Python."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DescriptionError
from neurosim.neurons.model import NeuronModel
from neurosim.parameters import Value

__all__ = ["check_step", "coefficient_table", "initial_state", "initial_values", "update_reference"]


def initial_values(model: NeuronModel, dt: float) -> list[Value]:
    """What each state variable is before step 0: one number, or one a neuron.

    Raises:
        DescriptionError: the model gives others than it declares.
    """
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
    if (taken := list(inspect.signature(type(model).step).parameters)) != expected:
        raise DescriptionError(
            "step takes other arguments than the model declares", where=owner, value=taken, limit=expected
        )
    numbers = [*initial_values(model, dt), *(0.0 for _ in model.RECEPTORS), *model.coefficients(dt).values()]
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
    for i, value in enumerate(initial_values(model, dt)):
        out[i] = np.asarray(value, np.float64).reshape(-1)
    return out
