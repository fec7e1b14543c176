"""Parameters of neurons that learn: what is held of a model's parameter, its range, and what coefficients follow.

Time constants are held in steps, so that they move as fast as delays do; all else is in the unit of the description.
A parameter that is one number in the model is shared by the layer's neurons, an array has one entry a neuron.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation

__all__ = ["LONGEST", "SHORTEST", "differentiable", "from_held", "in_range", "to_held"]

SHORTEST, LONGEST = 0.1, 1e6
"""Range of a time constant in steps. Forward Euler needs one step at least, or its factor is negative."""
NEAREST = 0.01
"""Share of a threshold's first distance from the reset that is left at least."""


def to_held(name: str, value: Any, dt: float) -> NDArray[np.float64]:
    """A model's parameter as a layer holds it: one number, or flat."""
    flat = np.asarray(value, np.float64).reshape(-1 if np.ndim(value) else ())
    return np.array(flat / dt if name.startswith("tau_") else flat)


def from_held(name: str, held: Tensor, dt: float, shape: tuple[int, ...]) -> Any:
    """The parameter for the model: a number, or an array of the population's shape."""
    value = held.detach().double().cpu().numpy() * (dt if name.startswith("tau_") else 1.0)
    return value.reshape(shape) if value.ndim else float(value)


def in_range(name: str, model: NeuronModel, dt: float) -> tuple[Any, Any]:
    """Lowest and highest value of what is held, from the model that the layer began with."""
    first = to_held(name, getattr(model, name), dt)
    if name.startswith("tau_"):
        euler = getattr(model, "discretisation", None) is Discretisation.EULER
        return (1.0 if euler else SHORTEST), LONGEST
    if name == "threshold":
        base = to_held(name, getattr(model, "v_reset", 0.0), dt)
        low = np.where(first > base, base + NEAREST * (first - base), first)
        return (low if first.ndim else low.max()), np.inf  # one threshold is above all resets
    return -np.inf, np.inf


def differentiable(model: NeuronModel, dt: float, held: dict[str, Tensor]) -> dict[str, Tensor]:
    """Coefficients that depend on what is held, as functions of it, in float64 (the models' ``coefficients``)."""

    def of(name: str) -> Tensor:
        if name in held:
            return held[name].double()
        return torch.from_numpy(to_held(name, getattr(model, name), dt))

    euler = getattr(model, "discretisation", None) is Discretisation.EULER
    found: dict[str, Tensor] = {}
    for name, coefficient in (
        ("tau_membrane", "decay"), ("tau_synapse", "decay_synapse"), ("tau_adaptation", "decay_theta")
    ):  # fmt: skip
        if name in held:
            found[coefficient] = _decay(of(name), euler)
    for name in ("threshold", "threshold_jump"):
        if name in held:
            found[name] = of(name)
    if "tau_membrane" in held or "current" in held:
        decay = _decay(of("tau_membrane"), euler) if hasattr(model, "tau_membrane") else None
        share = dt if decay is None else 1.0 - decay
        found["drive"] = share * of("resistance") * of("current")
    if hasattr(model, "tau_synapse") and ("tau_membrane" in held or "tau_synapse" in held):
        found["gain"] = of("resistance") * _gain(of("tau_membrane"), of("tau_synapse"), euler)
    return found


def _decay(tau: Tensor, euler: bool) -> Tensor:
    return 1.0 - 1.0 / tau if euler else torch.exp(-1.0 / tau)


def _gain(tau_membrane: Tensor, tau_synapse: Tensor, euler: bool) -> Tensor:
    """`neurosim.neurons.current_lif.current_gain` with unit resistance, time constants in steps.

    With m, s the inverse time constants and d = m - s it is m exp(-m) (exp(d) - 1)/d; near d = 0 the quotient is
    taken as a series, whose derivative does not cancel either, and far from it as m (exp(-s) - exp(-m))/d.
    """
    m, s = 1.0 / tau_membrane, 1.0 / tau_synapse
    if euler:
        return m
    d = m - s
    near = d.abs() < 0.05
    small, large = torch.where(near, d, 0.0), torch.where(near, 1.0, d)
    series = torch.ones_like(d)
    for k in range(9, 1, -1):  # 1 + d/2 (1 + d/3 (1 + ...)); the first term left out is d^9/10!
        series = 1.0 + small / k * series
    return m * torch.where(near, torch.exp(-m) * series, (torch.exp(-s) - torch.exp(-m)) / large)
