"""Neuron models from rounded coefficients: a description of what a device computes with, for training on its grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import UnsupportedError
from neurosim.neurons import Discretisation
from neurosim.neurons.model import NeuronModel
from neurosim.parameters import Value

__all__ = ["factor_of_rows", "held_model", "spread"]

Floats = NDArray[np.float64]
_NO_LEAK = 2.0**40
"""Time constant, in steps, that stands for a decay factor of one; float64 still knows it from one."""
_NO_MEMORY = 2.0**-10
"""The same for a factor of zero."""


def spread(value: ArrayLike, size: int) -> Floats:
    """A number or array of a population as float64 ``[n]``."""
    return np.broadcast_to(np.asarray(value, np.float64).reshape(-1), size).copy()


def factor_of_rows(factor: Floats, weight: Floats) -> Floats:
    """``factor [n]`` of neurons as one of the rows of ``weight [rows, ...]``, in a shape that multiplies them.

    Raises:
        UnsupportedError: neurons that share rows and have different factors.
    """
    rest = [1] * (weight.ndim - 1)
    if np.all(factor == factor[0]):
        return np.full((len(weight), *rest), factor[0])
    if len(weight) != len(factor):
        raise UnsupportedError(
            "weights that neurons share are held in different units",
            value=f"{len(np.unique(factor))} units",
            remedy="Give the neurons of a convolution the same time constants",
        )
    return factor.reshape(-1, *rest)


def held_model(model: NeuronModel, shape: tuple[int, ...], dt: float, **held: Floats) -> NeuronModel:
    """``model`` with some numbers changed, given as ``[n]``.

    Args:
        held: parameters by name, or ``decay``, ``decay_synapse`` and ``drive``: coefficients, from which
            ``tau_membrane``, ``tau_synapse`` and ``current`` follow. A model that has no such parameter stays as it is.
    """
    parameters = vars(model)
    rule = parameters.get("discretisation", Discretisation.EXACT)
    changes: dict[str, Value] = {}
    for coefficient, name in (("decay", "tau_membrane"), ("decay_synapse", "tau_synapse")):
        if coefficient in held and name in parameters:
            changes[name] = _value(_time_constant(held[coefficient], dt, rule), shape)
    for name in held.keys() - {"decay", "decay_synapse", "drive"}:
        if parameters.get(name) is not None:  # v_init None follows v_rest
            changes[name] = _value(held[name], shape)
    changed: Any = model.replace(**changes) if changes else model
    if "drive" in held and np.any(held["drive"] != 0):
        gain = spread(changed.current_gain(dt), len(held["drive"]))
        changed = changed.replace(current=_value(held["drive"] / gain, shape))
    made: NeuronModel = changed
    return made


def _value(x: Floats, shape: tuple[int, ...]) -> Value:
    return float(x[0]) if np.all(x == x[0]) else x.reshape(shape)


def _time_constant(decay: Floats, dt: float, rule: Discretisation) -> Floats:
    with np.errstate(divide="ignore"):
        steps = 1.0 / (1.0 - decay) if rule is Discretisation.EULER else -1.0 / np.log(decay)
    steps = np.where(decay >= 1.0, _NO_LEAK, np.where(decay <= 0.0, _NO_MEMORY, steps))
    return np.asarray(dt * (np.maximum(steps, 1.0) if rule is Discretisation.EULER else steps))
