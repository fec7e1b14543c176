"""Whether a network fits lava-dl's HDF5 network file, and the file.

It can hold chains of layers without weight exponents; it has no word for the scale of potentials, for recurrence with
delays, refractory periods or an initial state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan, PlanProjection
from neurosim.hardware.loihi.netx.layers import BIAS_EXPONENT, DELAY_MAX, DenseLayer, write_layers
from neurosim.hardware.loihi.numerics.arithmetic import shift
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork
from neurosim.hardware.loihi.quantise.registers import QuantisedPopulation

__all__ = ["COARSEST_THRESHOLD", "netx_file", "unfit"]

Ints = NDArray[np.int64]

COARSEST_THRESHOLD = 128
"""Smallest threshold mantissa at which a network does without weight exponents: steps of 0.8 % of the threshold."""


def netx_file(plan: Plan, network: QuantisedNetwork) -> bytes | str:
    """The network as a netx file, or why such a file cannot hold it."""
    layers = []
    chain = _chain(plan)
    if isinstance(chain, str):
        return chain
    for p in chain:
        q, s = network.populations[p.post], network.synapses[p.name]
        wrong = [
            ("a weight exponent", bool(np.any(s.exponent))),
            ("only zero weights", not np.any(s.weight)),
            ("a delay beyond the loader's limit", p.max_delay - 1 > DELAY_MAX),
        ]
        reasons = [reason for reason, holds in wrong if holds]
        reason = reasons[0] if reasons else unfit(q)
        if reason is not None:
            return f"population {p.post!r} has {reason}"
        bias = shift(q.bias_mantissa, q.bias_exponent)
        weight, delay = (np.zeros((p.n_post, p.n_pre), dtype=np.int64) for _ in range(2))
        weight[p.target, p.pre_index], delay[p.target, p.pre_index] = s.weight, p.delay - 1
        layers.append(
            DenseLayer(
                weight=weight,
                delay=_simplest(delay, weight),
                bias=bias >> BIAS_EXPONENT,
                du=int(q.du[0]),
                dv=int(q.dv[0]),
                threshold=int(q.threshold[0]),
            )
        )
    return write_layers(layers)


def unfit(q: QuantisedPopulation) -> str | None:
    """What registers of a population have that a netx file cannot hold, or None."""
    wrong = {
        "thresholds too small to do without weight exponents": int(q.threshold.min()) < COARSEST_THRESHOLD,
        "parameters that differ within it": any(np.ptp(x) > 0 for x in (q.du, q.dv, q.threshold)),
        "a bias that is no multiple of 64": bool(np.any(shift(q.bias_mantissa, q.bias_exponent) % 64)),
        "an initial state": bool(np.any(q.v) or np.any(q.u)),
        "a refractory period": bool(np.any(q.refractory != 1)),
    }
    return next((reason for reason, holds in wrong.items() if holds), None)


def _chain(plan: Plan) -> list[PlanProjection] | str:
    """The projections in order if the network is a chain from one input, else why it is not."""
    if len(plan.inputs) != 1:
        return "the network does not have exactly one input"
    at = next(iter(plan.inputs))
    chain: list[PlanProjection] = []
    while outgoing := [p for p in plan.projections if p.pre == at and p.n_synapses]:
        if (
            len(outgoing) > 1
            or len(plan.incoming(outgoing[0].post)) > 1
            or len(chain) > len(plan.populations)
        ):
            return f"{at!r} is not followed by exactly one layer"
        p = outgoing[0]
        if len(np.unique(p.pre_index.astype(np.int64) * p.n_post + p.target)) < p.n_synapses:
            return f"projection {p.name!r} has several synapses between two neurons"
        chain.append(p)
        at = p.post
    if len(chain) != len(plan.populations):
        return "the network is not a chain of layers"
    return chain


def _simplest(delay: Ints, weight: Ints) -> Ints:
    """One number, one for each output [out, 1], or the whole matrix; delays of absent synapses are free."""
    present = weight != 0
    values = np.unique(delay[present])
    if len(values) <= 1:
        return np.array(values[0] if len(values) else 0, dtype=np.int64)
    highest = np.where(present, delay, -1).max(axis=1)
    if np.all((delay == highest[:, None]) | ~present):
        return np.maximum(highest, 0)[:, None]
    return np.where(present, delay, 0)
