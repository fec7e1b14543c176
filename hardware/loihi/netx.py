"""The HDF5 network file of lava-dl: written for chains of layers, read back for its dense layers.

Such a file holds layers one after the other, each a dense matrix [out, in] of stored weights (no exponent: the loader
finds its own and compensates), one current decay, voltage decay and threshold for the whole layer, biases in
multiples of 64, and delays. It has no word for the scale of potentials, recurrence with delays, refractory periods
or an initial state. Source: lava-dl ``netx/hdf5.py`` and ``netx/blocks/process.py`` (lava-nc/lava-dl d825ac50).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan, PlanProjection
from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.arithmetic import shift
from neurosim.hardware.loihi.delays import delay_dense
from neurosim.hardware.loihi.lif import Registers, Trace, run
from neurosim.hardware.loihi.numerics import LAVA
from neurosim.hardware.loihi.quantised_network import QuantisedNetwork

__all__ = ["DenseLayer", "netx_file", "read_dense_layers", "run_layer", "write_layers"]

Ints = NDArray[np.int64]

DELAY_MAX = 62
BIAS_EXPONENT = 6
COARSEST_THRESHOLD = 128
"""Smallest threshold mantissa at which a network does without weight exponents: steps of 0.8 % of the threshold."""

MAX_LAYERS = 4096
MAX_WEIGHTS = 2**28


@dataclass(frozen=True, kw_only=True)
class DenseLayer:
    """A dense layer of leaky integrate-and-fire neurons, in register values.

    Attributes:
        weight: int64 [out, in].
        delay: int64, broadcastable to [out, in].
        bias: mantissa int64 [out]; acts as ``bias << 6``.
    """

    weight: Ints
    delay: Ints
    bias: Ints
    du: int
    dv: int
    threshold: int


def netx_file(plan: Plan, network: QuantisedNetwork) -> bytes | str:
    """The network as a netx file, or why such a file cannot hold it."""
    layers = []
    chain = _chain(plan)
    if isinstance(chain, str):
        return chain
    for p in chain:
        q, s = network.populations[p.post], network.synapses[p.name]
        bias = shift(q.bias_mantissa, q.bias_exponent)
        wrong = [
            ("a weight exponent", bool(np.any(s.exponent))),
            (
                "thresholds too small to do without weight exponents",
                int(q.threshold.min()) < COARSEST_THRESHOLD,
            ),
            ("only zero weights", not np.any(s.weight)),
            ("parameters that differ within it", any(np.ptp(x) > 0 for x in (q.du, q.dv, q.threshold))),
            ("a bias that is no multiple of 64", bool(np.any(bias % 64))),
            ("an initial state", bool(np.any(q.v) or np.any(q.u))),
            ("a refractory period", bool(np.any(q.refractory != 1))),
            ("a delay beyond the loader's limit", p.max_delay - 1 > DELAY_MAX),
        ]
        for reason, holds in wrong:
            if holds:
                return f"population {p.post!r} has {reason}"
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


def write_layers(layers: Sequence[DenseLayer]) -> bytes:
    """A netx file of dense layers. Weights and biases are stored as whole floats, which the loader truncates."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False) as f:
        for i, layer in enumerate(layers):
            group = f.create_group(f"layer/{i}")
            group["type"] = np.array([b"dense"], dtype="S10")
            group["shape"] = np.array([len(layer.weight)], dtype=np.int64)
            group["inFeatures"], group["outFeatures"] = layer.weight.shape[1], layer.weight.shape[0]
            group["weight"] = layer.weight.astype(np.float32)
            if np.any(layer.bias):
                group["bias"] = layer.bias.astype(np.float32)
            if np.any(layer.delay):
                group["delay"] = layer.delay[:, 0] if layer.delay.shape[1:] == (1,) else layer.delay
            neuron = group.create_group("neuron")
            neuron["type"] = np.array([b"LOIHI"], dtype="S10")
            neuron["iDecay"], neuron["vDecay"], neuron["vThMant"] = layer.du + 1, layer.dv, layer.threshold
            neuron["refDelay"], neuron["gradedSpike"] = 1, False
    return buffer.getvalue()


def read_dense_layers(path: Path) -> dict[int, DenseLayer]:
    """The dense layers of a netx file by number; layers of other types are passed over.

    Raises:
        FileFormatError: not such a file, or a dense layer that is incomplete.
    """
    try:
        with h5py.File(path, "r") as f:
            group = f["layer"]
            if len(group) > MAX_LAYERS:
                raise FileFormatError(
                    "has too many layers", where=str(path), value=len(group), limit=MAX_LAYERS
                )
            numbered = {int(name): group[name] for name in group}
            return {
                i: _read_dense(g, f"{path}, layer {i}")
                for i, g in sorted(numbered.items())
                if _type(g) == "dense"
            }
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read as a netx file: {error}", where=str(path)) from None


def _type(group: Any) -> str:
    value = group["type"][()]
    first = value[0] if isinstance(value, np.ndarray) and value.ndim else value
    return first.decode() if isinstance(first, bytes) else str(first)


def _read_dense(group: Any, where: str) -> DenseLayer:
    size = int(np.prod(group["shape"][()]))
    if group["weight"].size > MAX_WEIGHTS or size < 1 or group["weight"].size % size:
        raise FileFormatError(
            "weights do not fit the shape", where=where, value=group["weight"].shape, limit=size
        )
    weight = group["weight"][()].reshape(size, -1).astype(np.int64)
    bias = group["bias"][()].reshape(-1).astype(np.int64) if "bias" in group else np.zeros(size, np.int64)
    delay = np.asarray(group["delay"][()] if "delay" in group else 0, dtype=np.int64)
    if delay.ndim == 1:  # a length equal to the outputs is tried first
        delay = delay[:, None] if len(delay) == size else delay[None, :]
    neuron = group["neuron"]
    fields = {
        name: int(np.asarray(neuron[name][()]).reshape(-1)[0]) for name in ("iDecay", "vDecay", "vThMant")
    }
    return DenseLayer(
        weight=weight,
        delay=np.clip(delay, 0, DELAY_MAX),
        bias=bias,
        du=fields["iDecay"] - 1,
        dv=fields["vDecay"],
        threshold=fields["vThMant"],
    )


def run_layer(layer: DenseLayer, spikes: Ints) -> Trace:
    """What a layer does with input spikes int64 [T, in], step for step as Lava runs the loaded file."""
    delay = np.broadcast_to(layer.delay, layer.weight.shape)
    arrivals = delay_dense(spikes, layer.weight, np.ascontiguousarray(delay), 0) << 6
    registers = Registers.of(
        len(layer.weight),
        du=layer.du,
        dv=layer.dv,
        threshold=layer.threshold << 6,
        bias=layer.bias << BIAS_EXPONENT,
    )
    return run(arrivals, registers, LAVA)
