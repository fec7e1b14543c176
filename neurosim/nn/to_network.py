"""From a trained module to the description, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurosim.connectivity.delay_rounding import delay_steps
from neurosim.connectivity.distributions import Distribution
from neurosim.connectivity.rules import AllToAll
from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.loss_report import Loss, LossKind, LossReport
from neurosim.network import Network, Projection
from neurosim.nn.neurons.lif import Neurons, neuron_layer
from neurosim.nn.sequential import Sequential
from neurosim.nn.surrogate import Surrogate
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.synapses.linear import Linear, Synapses

__all__ = ["from_network", "to_network"]


def to_network(
    module: Sequential,
    *,
    input_shape: int | Sequence[int] | None = None,
    dt: float | None = None,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> tuple[Network, LossReport]:
    """The network that computes what ``module`` computes, but for delays that were not whole steps.

    Args:
        input_shape: shape of the input ``"input"``; default: flat.
        dt: the module's time step, as a check.
        names: of the populations; default: hidden1, hidden2, ..., output.

    Returns:
        The network, with the last population as its output, and a report with one `LossKind.ROUNDED` for every
        projection whose delays were rounded (by floor(d + 1/2)) or whose weights its quantiser changed; the amount
        is the largest change, in steps or in the weight's unit. Models and weights are the module's own, exactly.
    """
    if dt is not None and dt != module.dt:
        raise DescriptionError("the module was made for another time step", value=dt, limit=module.dt)
    pairs = module.pairs()
    if names is None:
        hidden = [f"hidden{k + 1}" for k in range(len(pairs) - 1)] if len(pairs) != 2 else ["hidden"]
        names = [*hidden, "output"]
    if len(names) != len(pairs):
        raise DescriptionError("needs one name a population", value=list(names), limit=f"{len(pairs)} names")
    shape = (pairs[0][0].n_in,) if input_shape is None else input_shape
    net = Network(dt=module.dt, seed=seed)
    source = net.input("input", shape)
    if source.size != pairs[0][0].n_in:
        raise ShapeError(
            "does not fit the first layer", where="input_shape", value=shape, limit=pairs[0][0].n_in
        )
    pre = source.name
    losses: list[Loss] = []
    for name, (synapses, neurons) in zip(names, pairs, strict=True):
        net.population(name, neurons.shape, neurons.model)
        weight, delay, lost = _exported(synapses, module.dt, f"{pre}->{name}")
        net.connect(pre, name, AllToAll(), weight=weight, delay=delay)
        losses += lost
        pre = name
    net.output(pre)
    return net, LossReport(losses)


@torch.no_grad()
def _exported(synapses: Synapses, dt: float, where: str) -> tuple[NDArray[Any], Any, list[Loss]]:
    """Weights and delays (s) of a layer, ``[n_pre, n_post]``, and what they lost."""
    losses = []
    weight = synapses.weight if synapses.quantiser is None else synapses.quantiser(synapses.weight)
    change = float((weight - synapses.weight).abs().max())
    if change:
        what = "weights replaced by those of the quantiser; largest change"
        losses.append(Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=change))
    delay = synapses.delay_steps()
    if delay is None:
        return weight.T.numpy().copy(), 0.0, losses
    steps = delay.double().T.numpy()
    whole = np.floor(steps + 0.5)
    change = np.abs(whole - steps)
    if change.any():
        what = f"trained delays rounded to whole steps; {change.mean():.3g} steps on average, at most"
        losses.append(Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=float(change.max())))
    return weight.T.numpy().copy(), whole * dt, losses


def from_network(
    net: Network, *, surrogate: Surrogate | None = None, dtype: torch.dtype = torch.float32
) -> Sequential:
    """The module that computes what ``net`` computes, to train it.

    The network must be a chain: one input, and each population driven by the one before it through one static
    all-to-all projection with numbers or arrays as weights and delays.

    Raises:
        UnsupportedError: anything else.
    """
    if len(net.inputs) != 1 or len(net.projections) != len(net.populations) or not net.populations:
        parts = f"{len(net.inputs)} inputs, {len(net.populations)} populations, {len(net.projections)} projections"
        raise UnsupportedError("only chains of populations can be trained", value=parts)
    if net.drives:
        raise UnsupportedError("drives cannot be trained through", value=[*net.drives])
    driven = {p.pre: p for p in net.projections.values()}
    if {p.post for p in driven.values()} != set(net.populations):
        raise UnsupportedError("only chains of populations can be trained", value=[*net.projections])
    pre = next(iter(net.inputs))
    layers: list[Synapses | Neurons] = []
    while pre in driven:
        projection = driven.pop(pre)
        layers.append(_imported(net, projection, dtype))
        post = net.populations[projection.post]
        layers.append(neuron_layer(post.model, post.shape, dt=net.dt, surrogate=surrogate))
        pre = post.name
    if driven:  # populations that drive each other in a ring
        raise UnsupportedError("only chains of populations can be trained", value=[*net.projections])
    return Sequential(*layers)


def _imported(net: Network, projection: Projection, dtype: torch.dtype) -> Synapses:
    where = f"projection {projection.name!r}"
    if not isinstance(projection.rule, AllToAll):
        rule = type(projection.rule).__name__
        raise UnsupportedError("only all-to-all projections can be trained", where=where, value=rule)
    if projection.plasticity is not None:
        raise UnsupportedError("a plastic projection cannot be trained by gradients", where=where)
    if isinstance(projection.weight, Distribution) or isinstance(projection.delay, Distribution):
        raise UnsupportedError(
            "holds a distribution", where=where, remedy="Draw its numbers into an array first"
        )
    n_pre, n_post = net.size_of(projection.pre), net.size_of(projection.post)
    steps = delay_steps(projection.delay, net.dt, projection.delay_rounding, where)
    layer: Synapses
    if steps.any():
        layer = DelayLinear(n_pre, n_post, int(steps.max()), dtype=dtype)
        _fill(layer.delay, steps, (n_pre, n_post))
    else:
        layer = Linear(n_pre, n_post, dtype=dtype)
    _fill(layer.weight, projection.weight, (n_pre, n_post))
    return layer


@torch.no_grad()
def _fill(parameter: torch.Tensor, values: Any, shape: tuple[int, int]) -> None:
    array = np.array(np.broadcast_to(values, shape).T)
    parameter.copy_(torch.from_numpy(array))
