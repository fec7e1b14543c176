"""What is added to the arrivals of every step, as parameters of a neuron model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.neurons.adaptive_lif import AdaptiveLIF
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import RefractoryInput

__all__ = ["with_bias"]

_DIRECT = (LIF, IntegrateAndFire, LeakyIntegrator, AdaptiveLIF)


def with_bias(model: NeuronModel, bias: NDArray[Any], dt: float, where: str) -> NeuronModel:
    """The model that does with arrivals x what ``model`` does with x + bias, to rounding.

    Where a weight is a jump of v the bias becomes a constant current. Where it is a jump of the synaptic current i, a
    bias drives i to S = bias / (1 - b), b its decay: i - S runs as without a bias from an initial value lower by S,
    and S acts as a constant current.

    Args:
        bias: of the population's shape.

    Raises:
        UnsupportedError: another model; neurons that keep what arrives while they are refractory, which take no current
            then; a resistance of zero.
    """
    if not np.any(bias):
        return model
    if type(model) not in (*_DIRECT, CurrentLIF):
        known = ", ".join(kind.__name__ for kind in (*_DIRECT, CurrentLIF))
        raise UnsupportedError(
            "a bias cannot be expressed", where=where, value=type(model).__name__, limit=known
        )
    described: Any = model
    if getattr(model, "refractory_input", None) is RefractoryInput.KEEP and np.any(
        np.asarray(described.refractory) > 0
    ):
        raise UnsupportedError(
            "a bias cannot be expressed where arrivals are kept in the refractory period",
            where=where,
            value="RefractoryInput.KEEP",
            remedy="Use RefractoryInput.DROP or INTEGRATE, or train without normalisation",
        )
    gain = np.asarray(model.current_gain(dt))
    if (gain == 0).any():
        raise UnsupportedError("a bias needs a resistance other than zero", where=where, value=0.0)
    if isinstance(model, CurrentLIF):
        c = model.coefficients(dt)
        steady = bias / (1.0 - np.asarray(c["decay_synapse"]))
        return dataclasses.replace(
            model, current=model.current + steady * c["gain"] / gain, i_init=model.i_init - steady
        )
    return dataclasses.replace(described, current=described.current + bias / gain)
