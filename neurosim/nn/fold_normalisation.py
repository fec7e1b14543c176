"""A trained module without its normalisation layers, to train it on as a device will hold it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from neurosim.errors import UnsupportedError
from neurosim.nn.bias import with_bias
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.neurons.recurrent import Recurrent
from neurosim.nn.sequential import Sequential
from neurosim.nn.synapses.linear import Synapses

__all__ = ["fold_normalisation"]


def fold_normalisation(module: Sequential) -> Sequential:
    """The module that computes what ``module`` computes in evaluation, with weights and currents in place of its
    normalisation layers: for training on with a quantiser, which must see the weights that a device holds.

    Weights of a neuron (or of a channel, in convolutions) are multiplied by the scale, the shift becomes part of the
    neurons' current. All layers are copies; they share nothing with ``module``.

    Raises:
        UnsupportedError: a normalisation of every neuron behind a convolution, whose weights the neurons of a channel
            share; neurons that take no current.
    """
    layers: list[Any] = []
    for k, group in enumerate(module.groups()):
        where = f"population {k}"
        synapses, neurons = copy.deepcopy(group.synapses), copy.deepcopy(group.neurons)
        if group.normalisation is not None:
            s, b = group.normalisation.folded()
            _scale(synapses, s, where)
            neurons = _biased(neurons, b.cpu().numpy(), where)
        layers += [*copy.deepcopy(group.transforms), synapses, neurons]
    return Sequential(*layers).train(module.training)


@torch.no_grad()
def _scale(synapses: Synapses, scale: torch.Tensor, where: str) -> None:
    weight = synapses.weight
    rows = scale.reshape(len(weight), -1)
    if not torch.equal(rows, rows[:, :1].expand_as(rows)):
        raise UnsupportedError(
            "neurons that share weights are normalised one by one",
            where=where,
            value=type(synapses).__name__,
            remedy="Normalise by channel: BatchNorm(synapses.out_shape)",
        )
    weight.copy_(weight.double() * rows[:, 0].reshape(-1, *(1,) * (weight.ndim - 1)))


def _biased(neurons: Neurons, bias: Any, where: str) -> Neurons:
    if isinstance(neurons, Recurrent):
        return Recurrent(_biased(neurons.neurons, bias, where), neurons.synapses)
    model = with_bias(neurons.model, np.reshape(bias, neurons.shape), neurons.dt, where)
    learnt = [getattr(neurons, name) for name in neurons.learn]
    same = type(neurons)(
        model, neurons.shape, dt=neurons.dt, surrogate=neurons.surrogate, detach_reset=neurons.detach_reset,
        learn=neurons.learn, dtype=learnt[0].dtype if learnt else torch.float32,
    )  # fmt: skip
    same.quantiser = neurons.quantiser
    return same
