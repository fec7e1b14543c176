"""A layer of synapses, and the pooling before it, as a projection of the description: rule, weights, delays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from neurosim.connectivity.rule import Rule
from neurosim.connectivity.rules import AllToAll, Sparse
from neurosim.interchange.linear_maps import LinearMap, Shape, compose, convolution, dense, pooling
from neurosim.loss_report import Loss, LossKind
from neurosim.nn.synapses.convolution import Convolution
from neurosim.nn.synapses.linear import Synapses
from neurosim.nn.synapses.pooling import AveragePool, Pool
from neurosim.nn.synapses.sparse import Masked

__all__ = ["Wiring", "pool_map", "wiring"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Wiring:
    """What `Network.connect` takes, and what was lost on the way. Delays are in seconds."""

    rule: Rule
    weight: Any
    delay: Any
    losses: tuple[Loss, ...]


def pool_map(layer: Pool) -> LinearMap:
    """Sums, or averages, as a linear map."""
    more = (1,) * (3 - len(layer.in_shape))
    image = (layer.in_shape[0], *more, *layer.in_shape[1:])
    made = pooling(
        image, (*more, *layer.window), (*more, *layer.stride), 0, average=isinstance(layer, AveragePool)
    )
    return LinearMap(layer.in_shape, layer.out_shape, made.content)


def wiring(
    synapses: Synapses,
    before: LinearMap,
    *,
    post: Shape,
    dt: float,
    where: str,
    scale: Array | None = None,
    least_steps: int = 0,
) -> Wiring:
    """The projection of a layer.

    Args:
        before: the linear map from the presynaptic population to what the layer sees.
        post: shape of the postsynaptic population.
        scale: factor of the weights onto each neuron ``[n_out]``.
        least_steps: shortest delay, and that of layers without delays.
    """
    weight, losses = _deployed(synapses, where)
    steps = synapses.delay_steps()
    if isinstance(synapses, Convolution):
        joined = compose(before, _convolution(synapses, weight, scale))
        rule, values = _fitting(joined, before.pre, post).synapses()
        return Wiring(rule, values, max(least_steps, synapses.fixed_delay) * dt, losses)
    if scale is not None:
        weight = weight * scale[:, None]
    mask = synapses.mask.cpu().numpy() if isinstance(synapses, Masked) else None
    if steps is None:
        here = dense(weight) if mask is None else LinearMap((synapses.n_in,), post, _masked(weight, mask))
        rule, values = compose(before, here).synapses()
        return Wiring(rule, values, least_steps * dt, losses)
    whole, lost = _rounded(steps, mask, where)
    whole = np.maximum(whole, least_steps)
    losses += lost
    if mask is None and _is_identity(before):
        return Wiring(AllToAll(), np.ascontiguousarray(weight.T), np.ascontiguousarray(whole.T) * dt, losses)
    target, source = np.nonzero(np.ones_like(weight, np.bool_) if mask is None else mask)
    values, delays = weight[target, source], whole[target, source]
    if not _is_identity(before):
        source, target, values, delays = _spread(before, source, target, values, delays)
    order = np.lexsort((target, source))
    return Wiring(Sparse(source[order], target[order]), values[order], delays[order] * dt, losses)


@torch.no_grad()
def _deployed(synapses: Synapses, where: str) -> tuple[Array, tuple[Loss, ...]]:
    """The weights that the layer computes with in evaluation, and what its quantiser changed."""
    training = synapses.training
    synapses.training = False  # no noise; of this module alone, so that no other state is touched
    try:
        weight = synapses.effective_weight()
    finally:
        synapses.training = training
    own: Any = synapses.weight if not isinstance(synapses, Masked) else synapses.weight * synapses.mask
    change = float((weight - own).abs().max()) if weight.numel() else 0.0
    if not change:
        return weight.cpu().numpy().copy(), ()
    what = "weights replaced by those of the quantiser; largest change"
    return weight.cpu().numpy().copy(), (Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=change),)


def _rounded(steps: torch.Tensor, mask: Array | None, where: str) -> tuple[Array, tuple[Loss, ...]]:
    """Delays as whole steps, floor(d + 1/2), and what that changed."""
    exact = steps.detach().double().cpu().numpy()
    whole = np.floor(exact + 0.5)
    change = np.abs(whole - exact) if mask is None else np.abs(whole - exact)[mask]
    if not change.any():
        return whole, ()
    what = f"trained delays rounded to whole steps; {change.mean():.3g} steps on average, at most"
    return whole, (Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=float(change.max())),)


def _convolution(layer: Convolution, weight: Array, scale: Array | None) -> LinearMap:
    options: dict[str, Any] = {
        "stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": layer.groups,
    }  # fmt: skip
    made = convolution(weight, layer.in_shape, **options)
    return made if scale is None else made.scaled(scale)


def _fitting(joined: LinearMap, pre: Shape, post: Shape) -> LinearMap:
    """The same map as a list of synapses where the populations do not have the shapes of the images."""
    if (joined.pre, joined.post) == (pre, post) or isinstance(joined.content, np.ndarray):
        return joined
    return LinearMap(pre, post, joined.matrix())


def _masked(weight: Array, mask: Array) -> Any:
    target, source = np.nonzero(mask)
    return sparse.csr_array((weight[target, source], (target, source)), shape=weight.shape)


def _is_identity(one: LinearMap) -> bool:
    return isinstance(one.content, np.ndarray) and one.content.ndim == 1 and bool((one.content == 1).all())


def _spread(
    before: LinearMap, source: Array, target: Array, weight: Array, steps: Array
) -> tuple[Array, Array, Array, Array]:
    """Synapses from pooled channels as synapses from the neurons that are pooled: one for each of a window."""
    matrix = before.matrix().tocsr()
    counts = np.diff(matrix.indptr)[source]
    first = np.repeat(matrix.indptr[:-1][source] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    entry = first + np.arange(counts.sum())
    again = np.repeat(np.arange(len(source)), counts)
    return matrix.indices[entry], target[again], weight[again] * matrix.data[entry], steps[again]
