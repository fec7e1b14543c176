"""Whether a network fits lava-dl's HDF5 network file, and the file.

It can hold chains of layers without weight exponents: dense matrices with delays, recurrent layers without delays,
convolutions without delays. It has no word for the scale of potentials, for refractory periods, an initial state,
branches, or several projections between two populations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan, PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.netx.file_writer import BIAS_MAX, unheld_weights, write_network
from neurosim.hardware.loihi.netx.layers import (
    BIAS_EXPONENT,
    DELAY_MAX,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    Layer,
    NetxNetwork,
    Neurons,
)
from neurosim.hardware.loihi.netx.recognise_convolution import recognise_convolution
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork
from neurosim.hardware.loihi.quantise.registers import QuantisedPopulation
from neurosim.hardware.loihi.quantise.stored_weights import QuantisedSynapses

__all__ = ["COARSEST_THRESHOLD", "netx_file", "netx_network", "unfit"]

Ints = NDArray[np.int64]

COARSEST_THRESHOLD = 128
"""Smallest threshold mantissa at which a network does without weight exponents: steps of 0.8 % of the threshold."""
_MAX_MATRIX = 1 << 26
"""Most numbers of a dense matrix: what a file may sensibly hold."""


def netx_file(plan: Plan, network: QuantisedNetwork) -> bytes | str:
    """The network as a netx file, or why such a file cannot hold it."""
    try:
        return write_network(netx_network(plan, network))
    except UnsupportedError as error:
        return str(error)


def netx_network(plan: Plan, network: QuantisedNetwork) -> NetxNetwork:
    """The network as layers of a netx file.

    Raises:
        UnsupportedError: what such a file cannot hold.
    """
    layers: list[Layer] = []
    first_shape: tuple[int, ...] | None = None
    for forward, back in _chain(plan):
        q = network.populations[forward.post]
        where = f"population {forward.post!r}"
        reason = _unfit_synapses(forward, back, network.synapses) or unfit(q)
        if reason is not None:
            raise UnsupportedError(f"{where} has {reason}")
        pre = plan.inputs[forward.pre] if forward.pre in plan.inputs else plan.populations[forward.pre].shape
        layer: ConvolutionLayer | DenseLayer | None = None
        behind_dense = bool(layers) and isinstance(layers[-1], DenseLayer)
        if back is None and not behind_dense:
            layer = _convolution(forward, network.synapses, q, pre, plan.populations[forward.post].shape)
        if layer is None:
            if layers and isinstance(layers[-1], ConvolutionLayer):
                layers.append(FlattenLayer())
            layer = _dense(forward, back, network.synapses, q)
        if not layers:
            first_shape = layer.input_shape
        layers.append(layer)
    return NetxNetwork(layers=tuple(layers), input_shape=first_shape)


def unfit(q: QuantisedPopulation) -> str | None:
    """What registers of a population have that a netx file cannot hold, or None."""
    bias = q.bias
    wrong = {
        "thresholds too small to do without weight exponents": int(q.threshold.min()) < COARSEST_THRESHOLD,
        "parameters that differ within it": any(np.ptp(x) > 0 for x in (q.du, q.dv, q.threshold)),
        "a bias that is no multiple of 64": bool(np.any(bias % 64)),
        "a bias beyond its register": bool(np.any(np.abs(bias >> BIAS_EXPONENT) > BIAS_MAX)),
        "an initial state": bool(np.any(q.v) or np.any(q.u)),
        "a refractory period": bool(np.any(q.refractory != 1)),
    }
    return next((reason for reason, holds in wrong.items() if holds), None)


def _unfit_synapses(
    forward: PlanProjection, back: PlanProjection | None, synapses: Mapping[str, QuantisedSynapses]
) -> str | None:
    both = [p for p in (forward, back) if p is not None]
    delayed = max(p.max_delay for p in both) - 1
    wrong = {
        "a weight exponent": any(np.any(synapses[p.name].exponent) for p in both),
        "a delay beyond the loader's limit": delayed > DELAY_MAX,
        "recurrence and a delay": back is not None and delayed > 0,
    }
    reason = next((reason for reason, holds in wrong.items() if holds), None)
    return reason or unheld_weights(*(synapses[p.name].weight for p in both))


def _neurons(q: QuantisedPopulation) -> Neurons:
    return Neurons(du=int(q.du[0]), dv=int(q.dv[0]), threshold=int(q.threshold[0]))


def _biases(q: QuantisedPopulation) -> Ints:
    return q.bias >> BIAS_EXPONENT


def _convolution(
    p: PlanProjection,
    synapses: Mapping[str, QuantisedSynapses],
    q: QuantisedPopulation,
    pre: tuple[int, ...],
    post: tuple[int, ...],
) -> ConvolutionLayer | None:
    if p.max_delay > 1 or len(pre) != 3 or len(post) != 3:
        return None
    found = recognise_convolution(
        p.pre_index.astype(np.int64), p.target.astype(np.int64), synapses[p.name].weight, pre, post
    )
    if found is None:
        return None
    return ConvolutionLayer(
        weight=found.kernel,
        stride=found.stride,
        padding=found.padding,
        dilation=found.dilation,
        groups=found.groups,
        bias=_biases(q).reshape(post).transpose(2, 1, 0),
        neurons=_neurons(q),
        shape=post[::-1],
        input_shape=pre[::-1],
    )


def _dense(
    forward: PlanProjection,
    back: PlanProjection | None,
    synapses: Mapping[str, QuantisedSynapses],
    q: QuantisedPopulation,
) -> DenseLayer:
    weight, delay = _matrix(forward, synapses[forward.name].weight)
    return DenseLayer(
        weight=weight,
        recurrent=None if back is None else _matrix(back, synapses[back.name].weight)[0],
        delay=_simplest(delay, weight),
        bias=_biases(q),
        neurons=_neurons(q),
    )


def _matrix(p: PlanProjection, values: Ints) -> tuple[Ints, Ints]:
    """Weights and delays [post, pre]."""
    if p.n_post * p.n_pre > _MAX_MATRIX:
        raise UnsupportedError(
            f"projection {p.name!r} is too large a matrix", value=(p.n_post, p.n_pre), limit=_MAX_MATRIX
        )
    weight, delay = (np.zeros((p.n_post, p.n_pre), dtype=np.int64) for _ in range(2))
    weight[p.target, p.pre_index], delay[p.target, p.pre_index] = values, p.delay - 1
    return weight, delay


def _chain(plan: Plan) -> list[tuple[PlanProjection, PlanProjection | None]]:
    """The projections of each layer in order, into it and from it to itself, if the network is a chain from one input.

    Raises:
        UnsupportedError: it is not.
    """
    if len(plan.inputs) != 1:
        raise UnsupportedError("the network does not have exactly one input")
    at = next(iter(plan.inputs))
    chain: list[tuple[PlanProjection, PlanProjection | None]] = []
    joined = [p for p in plan.projections if p.n_synapses]
    while forward := [p for p in joined if p.pre == at and p.post != at]:
        post = forward[0].post
        back = [p for p in joined if p.pre == p.post == post]
        incoming = [p for p in joined if p.post == post]
        if (
            len(forward) > 1
            or len(back) > 1
            or len(incoming) > 1 + len(back)
            or len(chain) > len(plan.populations)
        ):
            raise UnsupportedError(f"{at!r} is not followed by exactly one layer")
        for p in (forward[0], *back):
            if len(np.unique(p.pre_index.astype(np.int64) * p.n_post + p.target)) < p.n_synapses:
                raise UnsupportedError(f"projection {p.name!r} has several synapses between two neurons")
        chain.append((forward[0], back[0] if back else None))
        at = post
    if len(chain) != len(plan.populations):
        raise UnsupportedError("the network is not a chain of layers")
    return chain


def _simplest(delay: Ints, weight: Ints) -> Ints:
    """One number, one for each output [out, 1], or the whole matrix; delays of absent synapses are free."""
    present = weight != 0
    values = np.unique(delay[present])
    if len(values) <= 1:
        return np.array(values[0] if len(values) else 0, dtype=np.int64)
    highest = np.where(present, delay, -1).max(axis=1)
    if np.all((delay == highest[:, None]) | ~present):
        return np.asarray(np.maximum(highest, 0)[:, None], dtype=np.int64)
    return np.asarray(np.where(present, delay, 0), dtype=np.int64)
