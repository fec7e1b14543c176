"""From the description to a module, to train it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurosim.connectivity.convolution import Convolution2d
from neurosim.connectivity.delay_rounding import delay_steps
from neurosim.connectivity.distributions import Distribution
from neurosim.connectivity.random_rules import Autapses
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.engine.plan import Plan
from neurosim.errors import CycleError, DescriptionError, UnsupportedError
from neurosim.network import Network, Projection
from neurosim.nn.neurons.neuron_layer import neuron_layer
from neurosim.nn.neurons.recurrent import Recurrent
from neurosim.nn.sequential import Sequential
from neurosim.nn.surrogate import Surrogate
from neurosim.nn.synapses.convolution import Conv2d
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.synapses.linear import Linear, Synapses
from neurosim.nn.synapses.sparse import SparseDelayLinear, SparseLinear

__all__ = ["from_network"]

_LARGEST = 2**28
"""Pairs that a layer may have: weights are kept as matrices."""


def from_network(
    net: Network,
    *,
    surrogate: Surrogate | None = None,
    dtype: torch.dtype = torch.float32,
    max_delay_steps: int | None = None,
) -> Sequential:
    """The module that computes what ``net`` computes, to train it: also of a network that came from another tool
    (`neurosim.interchange`).

    The network must be a chain: one input, and each population driven by the one before it, and perhaps by itself. A
    convolution becomes `Conv2d`; any other projection `Linear` or `SparseLinear`, of what its rule and distributions
    draw, or `DelayLinear` or `SparseDelayLinear` where there are delays.

    Args:
        surrogate: of all neuron layers.
        max_delay_steps: the longest delay that may be learnt; None: the longest that there is, and nothing to be learnt
            where there is none.

    Raises:
        UnsupportedError: anything else, named: several inputs, other graphs, drives, plastic projections, models
            that no layer trains, two synapses of one pair with different delays.
    """
    chain = _chain(net)
    plan = functools.cache(lambda: lower(net))  # drawn only if something has to be
    layers: list[Any] = []
    for name, onto, itself in chain:
        layers.append(_synapses(net, plan, onto, dtype, max_delay_steps, 0))
        post = net.populations[name]
        neurons = neuron_layer(post.model, post.shape, dt=net.dt, surrogate=surrogate)
        if itself:
            neurons = Recurrent(neurons, _synapses(net, plan, itself, dtype, max_delay_steps, 1))
        layers.append(neurons)
    return Sequential(*layers)


def _chain(net: Network) -> list[tuple[str, list[Projection], list[Projection]]]:
    """Populations in order, each with the projections from the one before and from itself."""
    if len(net.inputs) != 1 or not net.populations:
        parts = f"{len(net.inputs)} inputs, {len(net.populations)} populations"
        raise UnsupportedError("only chains of populations behind one input can be trained", value=parts)
    if net.drives:
        raise UnsupportedError("drives cannot be trained through", value=[*net.drives])
    for projection in net.projections.values():
        if projection.plasticity is not None:
            raise UnsupportedError(
                "a plastic projection cannot be trained by gradients", where=f"projection {projection.name!r}"
            )
    onto: dict[str, list[Projection]] = {name: [] for name in net.populations}
    itself: dict[str, list[Projection]] = {name: [] for name in net.populations}
    after: dict[str, str] = {}
    for p in net.projections.values():
        if p.pre == p.post:
            itself[p.post].append(p)
        elif after.setdefault(p.pre, p.post) != p.post or (onto[p.post] and onto[p.post][0].pre != p.pre):
            raise UnsupportedError(
                "only chains of populations can be trained", where=f"projection {p.name!r}",
                value=f"{p.pre} -> {p.post}",
            )  # fmt: skip
        else:
            onto[p.post].append(p)
    found = []
    last = next(iter(net.inputs))
    while last in after:
        last = after.pop(last)
        found.append((last, onto[last], itself[last]))
    if len(found) != len(net.populations):
        left = sorted(set(net.populations) - {name for name, *_ in found})
        raise UnsupportedError("only chains of populations can be trained", where="populations", value=left)
    return found


def _synapses(
    net: Network,
    plan: Callable[[], Plan],
    projections: Sequence[Projection],
    dtype: torch.dtype,
    max_delay_steps: int | None,
    least: int,
) -> Synapses:
    """One layer for all projections from one population to another."""
    one = projections[0]
    if (
        len(projections) == 1
        and isinstance(one.rule, Convolution2d)
        and not isinstance(one.weight, Distribution)
    ):
        return _convolution(net, one, dtype)
    weight, steps, mask = _matrices(net, plan, projections)
    n_out, n_in = weight.shape
    where = f"projection {one.name!r}"
    if least and (steps if mask is None else steps[mask]).min(initial=least) < least:
        raise CycleError("neurons that drive themselves without a delay", where=where, limit="one step")
    longest = max(int(steps.max(initial=0)), max_delay_steps or 0)
    if max_delay_steps is not None and longest > max_delay_steps:
        raise DescriptionError(
            "a delay is longer than max_delay_steps", where=where, value=longest, limit=max_delay_steps
        )
    layer: Any
    if longest <= least and max_delay_steps is None:
        layer = (
            Linear(n_in, n_out, dtype=dtype)
            if mask is None
            else SparseLinear(n_in, n_out, mask=mask, dtype=dtype)
        )
    else:
        options: dict[str, Any] = {"minimum_delay": least, "dtype": dtype}
        if mask is None:
            layer = DelayLinear(n_in, n_out, longest, **options)
        else:
            layer = SparseDelayLinear(n_in, n_out, longest, mask=mask, **options)
        _fill(layer.delay, np.maximum(steps, least))
    _fill(layer.weight, weight)
    found: Synapses = layer
    return found


def _matrices(
    net: Network, plan: Callable[[], Plan], projections: Sequence[Projection]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_] | None]:
    """Weights and delays in steps ``[n_out, n_in]``, and where there are synapses (None: everywhere)."""
    one = projections[0]
    n_in, n_out = net.size_of(one.pre), net.size_of(one.post)
    where = f"projection {one.name!r}"
    if n_in * n_out > _LARGEST:
        raise UnsupportedError("too many pairs for a layer", where=where, value=n_in * n_out, limit=_LARGEST)
    if len(projections) == 1 and _is_dense(one):
        steps = delay_steps(one.delay, net.dt, one.delay_rounding, where)  # type: ignore[arg-type]
        pairs = (n_in, n_out)
        return np.broadcast_to(np.asarray(one.weight), pairs).T, np.broadcast_to(steps, pairs).T, None
    drawn = [p for p in plan().projections if p.name in {q.name for q in projections}]
    place = np.concatenate([p.target.astype(np.int64) * n_in + p.pre_index for p in drawn])
    weight, steps = np.zeros(n_out * n_in), np.full(n_out * n_in, -1, np.int64)
    delay = np.concatenate([p.delay for p in drawn])
    steps[place] = delay
    if (steps[place] != delay).any():
        raise UnsupportedError(
            "two synapses between one pair have different delays",
            where=where,
            value=int((steps[place] != delay).sum()),
            remedy="Let a pair have one synapse: Multapses.FORBIDDEN in rules that draw",
        )
    np.add.at(weight, place, np.concatenate([p.weight for p in drawn]).astype(np.float64))
    mask = (steps >= 0).reshape(n_out, n_in)
    shape = (n_out, n_in)
    return weight.reshape(shape), np.maximum(steps, 0).reshape(shape), None if mask.all() else mask


def _is_dense(p: Projection) -> bool:
    """Whether the projection is matrices already; zeros are then weights that may be learnt."""
    every_pair = isinstance(p.rule, AllToAll) and (p.pre != p.post or p.rule.autapses is Autapses.ALLOWED)
    return every_pair and not isinstance(p.weight, Distribution) and not isinstance(p.delay, Distribution)


def _convolution(net: Network, p: Projection, dtype: torch.dtype) -> Conv2d:
    rule: Any = p.rule
    where = f"projection {p.name!r}"
    if isinstance(p.delay, Distribution):
        raise UnsupportedError("delays that differ in a convolution cannot be trained", where=where)
    pre = net.inputs.get(p.pre) or net.populations[p.pre]
    out, _, *kernel = rule.weights.shape
    steps = int(delay_steps(p.delay, net.dt, p.delay_rounding, where))
    layer = Conv2d(
        pre.shape, out, kernel, stride=rule.stride, padding=rule.padding, fixed_delay=steps, dtype=dtype
    )
    _fill(layer.weight, rule.weights * p.weight)
    return layer


@torch.no_grad()
def _fill(parameter: torch.Tensor, values: NDArray[Any]) -> None:
    parameter.copy_(torch.from_numpy(np.array(values)))
