"""From a trained module to the description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.interchange.linear_maps import LinearMap, compose, identity, pooling
from neurosim.loss_report import Loss, LossReport
from neurosim.network import Input, Network, Population
from neurosim.neurons.lif import LIF
from neurosim.nn.bias import with_bias
from neurosim.nn.neurons.recurrent import Recurrent
from neurosim.nn.sequential import Group, Sequential
from neurosim.nn.synapses.dropout import Dropout
from neurosim.nn.synapses.pooling import AveragePool, MaxPool, SumPool
from neurosim.nn.synapses.transform import Transform
from neurosim.nn.wiring import Wiring, pool_map, wiring

__all__ = ["to_network"]


def to_network(
    module: Sequential,
    *,
    input_shape: int | Sequence[int] | None = None,
    dt: float | None = None,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> tuple[Network, LossReport]:
    """The network that computes what ``module`` computes in evaluation, but for delays that were not whole steps.

    Sums and averages are joined with the synapses that follow; maxima become a population ``NAME.max`` that
    spikes, in the same step, when anything arrives; normalisation goes, by its running averages, into weights and the
    current of the neurons; dropout is nothing; synapses without a mask entry are left out; recurrent synapses become a
    projection of a population onto itself.

    Args:
        input_shape: shape of the input ``"input"``; default: that of the first layer, flat if it has none.
        dt: the module's time step, as a check.
        names: of the populations; default: hidden1, hidden2, ..., output.

    Returns:
        The network, with the last population as its output, and a report with one `LossKind.ROUNDED` for every
        projection whose delays were rounded (by floor(d + 1/2)) or whose weights its quantiser changed; the amount
        is the largest change, in steps or in the weight's unit. Models and weights are the module's own, exactly,
        where there is no normalisation, and to rounding where there is.

    Raises:
        UnsupportedError: what the description cannot say, named: a maximum of counts or sums, layers of your own, a
            readout that is not last, a bias where a neuron model takes none.
    """
    if dt is not None and dt != module.dt:
        raise DescriptionError("the module was made for another time step", value=dt, limit=module.dt)
    groups = module.groups()
    if names is None:
        hidden = [f"hidden{k + 1}" for k in range(len(groups) - 1)] if len(groups) != 2 else ["hidden"]
        names = [*hidden, "output"]
    if len(names) != len(groups):
        raise DescriptionError("needs one name a population", value=list(names), limit=f"{len(groups)} names")
    first = groups[0].transforms[0] if groups[0].transforms else groups[0].synapses
    shape = getattr(first, "in_shape", module.n_in) if input_shape is None else input_shape
    net = Network(dt=module.dt, seed=seed)
    pre: Input | Population = net.input("input", shape)
    if pre.size != module.n_in:
        raise ShapeError("does not fit the first layer", where="input_shape", value=shape, limit=module.n_in)
    losses: list[Loss] = []
    for name, group in zip(names, groups, strict=True):
        pre = _add(net, pre, name, group, losses)
    net.output(pre.name)
    return net, LossReport(losses)


def _add(net: Network, pre: Input | Population, name: str, group: Group, losses: list[Loss]) -> Population:
    """Add a population and the projections onto it."""
    if isinstance(pre, Population) and not pre.model.SPIKES:
        raise UnsupportedError(
            "what does not spike drives no synapses",
            where=f"population {pre.name!r}",
            value=type(pre.model).__name__,
            remedy="Readouts stand last",
        )
    before = identity(pre.shape)
    for transform in group.transforms:
        if isinstance(transform, MaxPool):
            pre = _add_maxima(net, pre, before, transform)
            before = identity(pre.shape)
        elif isinstance(transform, (SumPool, AveragePool)):
            before = compose(before, pool_map(transform))
        elif not isinstance(transform, Dropout):
            raise _unknown(transform, name)
    neurons = group.neurons
    model, scale = neurons.described_model(), None
    if group.normalisation is not None:
        s, b = (each.cpu().numpy() for each in group.normalisation.folded())
        scale = None if (s == 1).all() else s
        model = with_bias(model, b.reshape(neurons.shape), net.dt, f"population {name!r}")
    post = net.population(name, neurons.shape, model)
    options: dict[str, Any] = {"post": post.shape, "dt": net.dt}
    made = wiring(group.synapses, before, where=f"{pre.name}->{name}", scale=scale, **options)
    _connect(net, pre, post, made, losses)
    if isinstance(neurons, Recurrent):
        made = wiring(
            neurons.synapses, identity(post.shape), where=f"{name}->{name}", least_steps=1, **options
        )
        _connect(net, post, post, made, losses)
    return post


def _connect(
    net: Network, pre: Input | Population, post: Population, made: Wiring, losses: list[Loss]
) -> None:
    net.connect(pre, post, made.rule, weight=made.weight, delay=made.delay)
    losses.extend(made.losses)


def _add_maxima(net: Network, pre: Input | Population, before: LinearMap, layer: MaxPool) -> Population:
    """A population that spikes when anything arrives: v goes from 0 to at least 1, over 1/2, and back to 0."""
    where = f"MaxPool after {pre.name!r}"
    if not isinstance(pre, Population):
        raise UnsupportedError(
            "a maximum over an input cannot be expressed: it may have several spikes in a step",
            where=where,
            remedy="Use SumPool, or put the pooling behind a population",
        )
    if (before.content != 1).any() if hasattr(before.content, "any") else True:
        raise UnsupportedError(
            "a maximum of sums cannot be expressed", where=where, remedy="Put MaxPool before other pooling"
        )
    more = (1,) * (3 - len(layer.in_shape))
    image = (layer.in_shape[0], *more, *layer.in_shape[1:])
    rule, _ = pooling(image, (*more, *layer.window), (*more, *layer.stride), 0, average=False).synapses()
    post = net.population(f"{pre.name}.max", layer.out_shape, LIF(threshold=0.5))
    net.connect(pre, post, rule, weight=1.0)
    return post


def _unknown(transform: Transform, name: str) -> UnsupportedError:
    return UnsupportedError(
        "is not known to the description",
        where=f"before population {name!r}",
        value=type(transform).__name__,
        limit="SumPool, AveragePool, MaxPool, Dropout",
    )
