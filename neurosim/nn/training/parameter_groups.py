"""Which rate each parameter learns at, and which ones decay."""

from __future__ import annotations

from enum import Enum
from typing import Any

import torch

from neurosim.errors import DescriptionError
from neurosim.nn.neurons.base import Neurons

__all__ = ["ParameterKind", "parameter_groups", "parameter_kind"]


class ParameterKind(Enum):
    """What a parameter is, which decides its rate and whether it decays."""

    WEIGHT = "weight"
    """of synapses: decays"""
    DELAY = "delay"
    """in steps, so its rate is that of the weights times a hundred or so"""
    NEURON = "neuron"
    """time constants, thresholds: learnable numbers of the neuron model"""
    OTHER = "other"
    """scales and biases: the rate of the weights, no decay"""


def parameter_kind(owner: torch.nn.Module, name: str, parameter: torch.nn.Parameter) -> ParameterKind:
    """The kind of ``parameter``, called ``name`` in the layer ``owner`` that holds it."""
    if name == "delay" or name.endswith("_delay"):
        return ParameterKind.DELAY
    if isinstance(owner, Neurons):
        return ParameterKind.NEURON
    return ParameterKind.WEIGHT if name == "weight" and parameter.ndim > 1 else ParameterKind.OTHER


def parameter_groups(
    module: torch.nn.Module,
    *,
    rate: float = 2e-3,
    delay_rate: float = 0.1,
    neuron_rate: float | None = None,
    weight_decay: float = 0.0,
) -> list[dict[str, Any]]:
    """Parameters by kind, as ``torch.optim`` takes them: ``params, lr, weight_decay`` and ``kind``.

    Args:
        rate: of weights, scales and biases.
        delay_rate: of delays, in steps.
        neuron_rate: of the neurons' own parameters; None: ``rate``.
        weight_decay: of weights alone.

    Raises:
        DescriptionError: a negative rate, or a module without parameters.
    """
    rates = {
        ParameterKind.WEIGHT: rate,
        ParameterKind.DELAY: delay_rate,
        ParameterKind.NEURON: rate if neuron_rate is None else neuron_rate,
        ParameterKind.OTHER: rate,
    }
    for name, value in (*((kind.value, r) for kind, r in rates.items()), ("weight_decay", weight_decay)):
        if not value >= 0.0:
            raise DescriptionError("must not be negative", where=f"parameter_groups, {name}", value=value)
    found: dict[ParameterKind, list[torch.nn.Parameter]] = {kind: [] for kind in ParameterKind}
    seen: set[int] = set()
    for layer in module.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if id(parameter) not in seen:  # a layer that is used twice
                seen.add(id(parameter))
                found[parameter_kind(layer, name, parameter)].append(parameter)
    if not seen:
        raise DescriptionError("has no parameters to train", where=type(module).__name__)
    return [
        {
            "params": parameters,
            "lr": rates[kind],
            "weight_decay": weight_decay if kind is ParameterKind.WEIGHT else 0.0,
            "kind": kind.value,
        }
        for kind, parameters in found.items()
        if parameters
    ]
