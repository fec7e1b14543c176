"""Training a module on a target's grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import CapacityError, UnsupportedError
from neurosim.neurons.model import NeuronModel
from neurosim.nn.neurons.lif import Neurons
from neurosim.nn.protocols import DeviceRules, Held, NoiseModel
from neurosim.nn.sequential import Sequential
from neurosim.nn.synapses.linear import Synapses

__all__ = ["PopulationGrid", "quantise", "straight_through"]

M = TypeVar("M", bound=Sequential)


def quantise(module: M, rules: DeviceRules | None) -> M:
    """Let all layers compute with what a target holds of their numbers, in training and in evaluation.

    Weights, decays, thresholds and currents are rounded by the target's own rules in every forward pass; gradients
    pass straight through to the parameters, which stay as fine as before. Where the target has noise, weights have
    it in training, in place of the layers' own. `to_network` then exports the rounded numbers, and compiling for the
    target finds them on its grid.

    Args:
        module: changed in place.
        rules: those of a target, e.g. ``neurosim.hardware.loihi.training.Quantisation(Loihi1())``; None ends it.

    Returns:
        The module.

    Raises:
        UnsupportedError: a normalisation, whose factors would be folded into the weights after they were rounded.
        CapacityError: a layer whose delays span more than the target holds.
    """
    for group in module.groups():
        name = type(group.synapses).__name__
        if rules is not None and group.normalisation is not None:
            raise UnsupportedError(
                "a normalisation cannot be trained on a device's grid",
                where=f"the layer after {name}({group.synapses.extra_repr()})",
                remedy="Fold it first: train nn.from_network(nn.to_network(module)[0]) on",
            )
        incoming = [group.synapses, *_recurrent(group.neurons)]
        if rules is None:
            group.neurons.quantiser = None
            for layer in incoming:
                if isinstance(layer.quantiser, LayerWeights):
                    layer.quantiser, layer.noise = None, layer.quantiser.own_noise
            continue
        grid = PopulationGrid(rules, group.neurons, incoming)
        group.neurons.quantiser = grid.model
        for k, layer in enumerate(incoming):
            _check_delays(layer, rules)
            own = layer.quantiser.own_noise if isinstance(layer.quantiser, LayerWeights) else layer.noise
            layer.quantiser = LayerWeights(grid, k, own)
            layer.noise = own if rules.noise is None else rules.noise
    return module


class PopulationGrid:
    """What a device holds of one population and of the layers of synapses that end at it, rounded together."""

    def __init__(self, rules: DeviceRules, neurons: Neurons, incoming: Sequence[Synapses]) -> None:
        self.rules, self.neurons, self.incoming = rules, neurons, tuple(incoming)
        self._given: dict[int, Tensor] = {}
        self._last: tuple[NeuronModel, list[NDArray[Any]], Held] | None = None

    def model(self, model: NeuronModel) -> NeuronModel:
        """The quantiser of the neurons."""
        return self.held(model).model

    def weight(self, number: int, weight: Tensor) -> NDArray[np.float64]:
        """What the device holds of the weights that layer ``number`` computes with: its parameter, or a masked one."""
        if weight is self.incoming[number].weight:
            self._given.pop(number, None)
        else:
            self._given[number] = weight
        return self.held(self.neurons.model).weights[number]

    def held(self, model: NeuronModel) -> Held:
        """All numbers of now; worked out again only when one of them has changed."""
        layers = enumerate(self.incoming)
        weights = [self._given.get(k, layer.weight).detach().cpu().numpy() for k, layer in layers]
        if self._last is not None:
            before, given, held = self._last
            if before == model and all(map(np.array_equal, given, weights)):
                return held
        exact = [w.astype(np.float64) for w in weights]
        held = self.rules.held(model, self.neurons.shape, exact, dt=self.neurons.dt)
        self._last = model, [w.copy() for w in weights], held
        return held


class LayerWeights:
    """A `Quantiser`: the weights of one layer that ends at a population."""

    def __init__(self, grid: PopulationGrid, number: int, own_noise: NoiseModel | None = None) -> None:
        self.grid, self.number, self.own_noise = grid, number, own_noise

    def __call__(self, weight: Tensor) -> Tensor:
        """The layer's weights as the device holds them."""
        held = self.grid.weight(self.number, weight)
        return straight_through(weight, torch.from_numpy(held).to(weight))


def straight_through(x: Tensor, value: Tensor) -> Tensor:
    """``value``, exactly, with the gradient going to ``x``."""
    out: Tensor = _StraightThrough.apply(x, value)
    return out


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0], None


def _recurrent(neurons: Neurons) -> list[Synapses]:
    synapses = getattr(neurons, "synapses", None)
    return [synapses] if isinstance(synapses, Synapses) else []


def _check_delays(layer: Synapses, rules: DeviceRules) -> None:
    low, high = (int(getattr(layer, name, 0)) for name in ("minimum_delay", "max_delay_steps"))
    span = rules.max_delay_steps - rules.minimum_delay
    if high - low > span:
        raise CapacityError(
            "delays span more than the target holds",
            where=f"{type(layer).__name__}({layer.extra_repr()})",
            value=f"{low} to {high} steps",
            limit=f"{span + 1} different ones",
            remedy=f"Make it with max_delay_steps={rules.max_delay_steps}, minimum_delay={rules.minimum_delay}",
        )
