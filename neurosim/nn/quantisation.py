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
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.protocols import DeviceRules, Held, NoiseModel
from neurosim.nn.sequential import Group, Sequential
from neurosim.nn.straight_through import straight_through
from neurosim.nn.synapses.linear import Synapses
from neurosim.nn.synapses.pooling import AveragePool, MaxPool, SumPool
from neurosim.nn.synapses.sparse import Masked

__all__ = ["PopulationGrid", "quantise"]

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
                remedy="Fold it first: train nn.fold_normalisation(module) on",
            )
        incoming = [group.synapses, *_recurrent(group.neurons)]
        if rules is None:
            group.neurons.quantiser = None
            for layer in incoming:
                before = layer.quantiser
                if isinstance(before, LayerWeights):
                    layer.quantiser, layer.noise = None, before.own_noise
            continue
        grid = PopulationGrid(rules, group.neurons, incoming, joined=_joined(group))
        group.neurons.quantiser = grid.model
        for k, layer in enumerate(incoming):
            _check_delays(layer, rules)
            before = layer.quantiser
            own = before.own_noise if isinstance(before, LayerWeights) else layer.noise
            layer.quantiser = LayerWeights(grid, k, own)
            layer.noise = own if rules.noise is None else rules.noise
    return module


class PopulationGrid:
    """What a device holds of one population and of the layers of synapses that end at it, rounded together.

    Args:
        joined: synapses that each of the first layer's becomes where pooling before it is joined with it, and the
            factor of their weights.
    """

    def __init__(
        self,
        rules: DeviceRules,
        neurons: Neurons,
        incoming: Sequence[Synapses],
        *,
        joined: tuple[int, float] = (1, 1.0),
    ) -> None:
        self.rules, self.neurons, self.incoming, self.joined = rules, neurons, tuple(incoming), joined
        self._last: tuple[NeuronModel, list[NDArray[Any]], Held] | None = None

    def model(self, model: NeuronModel) -> NeuronModel:
        """The quantiser of the neurons."""
        return self.held(model).model

    def held(self, model: NeuronModel) -> Held:
        """All numbers of now; worked out again only when one of them has changed."""
        weights = [_present(layer) for layer in self.incoming]
        if self._last is not None:
            before, given, held = self._last
            if before == model and all(map(np.array_equal, given, weights)):
                return held
        exact = [w.astype(np.float64) for w in weights]
        copies, factor = self.joined
        if self.joined != (1, 1.0):
            exact[0] = np.repeat(exact[0] * factor, copies, axis=1)
        held = self.rules.held(model, self.neurons.shape, exact, dt=self.neurons.dt)
        if self.joined != (1, 1.0):
            held = held._replace(weights=(held.weights[0][:, ::copies] / factor, *held.weights[1:]))
        self._last = model, [w.copy() for w in weights], held
        return held


class LayerWeights:
    """A `Quantiser`: the weights of one layer that ends at a population."""

    def __init__(self, grid: PopulationGrid, number: int, own_noise: NoiseModel | None = None) -> None:
        self.grid, self.number, self.own_noise = grid, number, own_noise

    def __call__(self, weight: Tensor) -> Tensor:
        """The layer's weights as the device holds them."""
        held = self.grid.held(self.grid.neurons.model).weights[self.number]
        return straight_through(weight, torch.from_numpy(held).to(weight))


def _recurrent(neurons: Neurons) -> list[Synapses]:
    synapses = getattr(neurons, "synapses", None)
    return [synapses] if isinstance(synapses, Synapses) else []


def _present(layer: Synapses) -> NDArray[Any]:
    """Weights of the synapses that there are, zero elsewhere."""
    weight = layer.weight.detach()
    return (weight * layer.mask if isinstance(layer, Masked) else weight).cpu().numpy()


def _joined(group: Group) -> tuple[int, float]:
    copies, factor = 1, 1.0
    for layer in group.transforms:
        if isinstance(layer, MaxPool):  # a population of its own
            copies, factor = 1, 1.0
        elif isinstance(layer, (SumPool, AveragePool)):
            size = int(np.prod(layer.window))
            copies, factor = copies * size, factor / size if isinstance(layer, AveragePool) else factor
    return copies, factor


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
