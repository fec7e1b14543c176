"""Layers of lava-dl's HDF5 network file, read, written and run.

Such a file holds layers one after the other: dense matrices [out, in] or convolutions of stored weights (no exponent:
the loader finds its own and compensates), one current decay, voltage decay and threshold for the whole layer, biases in
multiples of 64, and delays of dense layers. Source: lava-dl ``netx/hdf5.py``, ``netx/blocks/process.py``
(lava-nc/lava-dl d825ac50).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError, ShapeError, UnsupportedError
from neurosim.hardware.loihi.numerics.convolution import convolve
from neurosim.hardware.loihi.numerics.delay_slots import delay_dense
from neurosim.hardware.loihi.numerics.lif import Registers, Trace, run
from neurosim.hardware.loihi.numerics.profiles import LAVA
from neurosim.hardware.loihi.numerics.weights import SignMode, weight_range

__all__ = [
    "BIAS_EXPONENT",
    "DELAY_MAX",
    "ConvolutionLayer",
    "DenseLayer",
    "FlattenLayer",
    "Layer",
    "read_layers",
    "run_layers",
    "write_layers",
]

Ints = NDArray[np.int64]

DELAY_MAX = 62
"""Longer delays are clamped by the loader."""
BIAS_EXPONENT = 6

_MAX_LAYERS = 4096
_MAX_WEIGHTS = 2**28


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

    def arrivals(self, spikes: Ints) -> Ints:
        """What neurons receive in each step from spikes [T, in], in units of a weight."""
        if spikes.ndim != 2 or spikes.shape[1] != self.weight.shape[1]:
            raise ShapeError(
                "spikes do not fit the layer", value=spikes.shape[1:], limit=self.weight.shape[1]
            )
        delay = np.ascontiguousarray(np.broadcast_to(self.delay, self.weight.shape))
        return delay_dense(spikes, self.weight, delay, 0)


@dataclass(frozen=True, kw_only=True)
class ConvolutionLayer:
    """A convolution of leaky integrate-and-fire neurons, in register values.

    Attributes:
        weight: int64 [out, in / groups, height, width], as PyTorch holds it (not flipped).
        stride, padding, dilation: in the order (height, width).
        bias: mantissa int64 [out]; acts as ``bias << 6``.
    """

    weight: Ints
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    bias: Ints
    du: int
    dv: int
    threshold: int

    def arrivals(self, spikes: Ints) -> Ints:
        """What neurons receive in each step from spikes [T, X, Y, C], int64 [T, X', Y', out]."""
        if spikes.ndim != 4:
            raise ShapeError("a convolution needs spikes [T, x, y, channel]", value=spikes.shape)
        kernel = self.weight.transpose(0, 3, 2, 1)[:, ::-1, ::-1]  # true convolution flips it back
        out = convolve(
            np.moveaxis(spikes, 0, -1),
            kernel,
            stride=self.stride[::-1],
            padding=self.padding[::-1],
            dilation=self.dilation[::-1],
            groups=self.groups,
        )
        later = np.zeros((len(spikes), *out.shape[:-1]), dtype=np.int64)
        later[1:] = np.moveaxis(out, -1, 0)[:-1]
        return later


@dataclass(frozen=True, kw_only=True)
class FlattenLayer:
    """From (x, y, channel) to a vector in the order channel, y, x; takes no time."""


Layer = DenseLayer | ConvolutionLayer | FlattenLayer


def run_layers(layers: Iterable[Layer], spikes: Ints) -> list[Trace]:
    """Run layers one after the other, step for step as Lava runs the loaded file.

    Args:
        spikes: 0 and 1, int64 [T, in] or [T, X, Y, C].

    Returns:
        The state of each layer with neurons, arrays int64 [T, *shape].
    """
    traces = []
    for layer in layers:
        if isinstance(layer, FlattenLayer):
            spikes = spikes.transpose(0, 3, 2, 1).reshape(len(spikes), -1)
            continue
        arrivals = layer.arrivals(spikes) << 6
        shape = arrivals.shape
        bias = np.broadcast_to(layer.bias << BIAS_EXPONENT, shape[1:]).reshape(-1)
        registers = Registers.of(
            bias.size, du=layer.du, dv=layer.dv, threshold=layer.threshold << 6, bias=bias
        )
        trace = run(arrivals.reshape(shape[0], -1), registers, LAVA)
        u, v, spike, dead = (x.reshape(shape) for x in (trace.u, trace.v, trace.spike, trace.dead))
        traces.append(Trace(u, v, spike, dead, trace.overflows))
        spikes = spike
    return traces


def write_layers(layers: Sequence[DenseLayer]) -> bytes:
    """A file of dense layers. Weights and biases are stored as whole floats, which the loader truncates."""
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


def read_layers(path: Path) -> list[Layer]:
    """The layers of a file in order.

    Raises:
        FileFormatError: not such a file, or a layer that is incomplete.
        UnsupportedError: a layer or neuron of another type than dense, conv, flatten, and LIF neurons.
    """
    try:
        with h5py.File(path, "r") as f:
            groups = {int(name): f["layer"][name] for name in f["layer"]}
            if len(groups) > _MAX_LAYERS:
                raise FileFormatError(
                    "has too many layers", where=str(path), value=len(groups), limit=_MAX_LAYERS
                )
            found = [_read(group, f"{path}, layer {i}") for i, group in sorted(groups.items())]
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"cannot be read as a netx file: {error}", where=str(path)) from None
    return [layer for layer in found if layer is not None]


def _read(group: Any, where: str) -> Layer | None:
    kind = _text(group["type"][()])
    if kind == "flatten":
        return FlattenLayer()
    if kind == "input" and "neuron" not in group:  # only names a shape
        return None
    if kind not in ("dense", "conv"):
        raise UnsupportedError(
            "a layer of another type", where=where, value=kind, limit="dense, conv, flatten"
        )
    neuron = group["neuron"]
    model = _text(neuron["type"][()])
    if model not in ("CUBA", "LOIHI"):
        raise UnsupportedError("neurons of another type", where=where, value=model, limit="CUBA, LOIHI")
    if group["weight"].size > _MAX_WEIGHTS:
        raise FileFormatError(
            "has too many weights", where=where, value=group["weight"].size, limit=_MAX_WEIGHTS
        )
    du, dv, threshold = (_number(neuron[name]) for name in ("iDecay", "vDecay", "vThMant"))
    fields = {"du": du - 1, "dv": dv, "threshold": threshold}
    return _read_dense(group, where, fields) if kind == "dense" else _read_convolution(group, where, fields)


def _read_dense(group: Any, where: str, fields: dict[str, int]) -> DenseLayer:
    size = int(np.prod(group["shape"][()]))
    if size < 1 or group["weight"].size % size:
        raise FileFormatError(
            "weights do not fit the shape", where=where, value=group["weight"].shape, limit=size
        )
    delay = np.asarray(group["delay"][()] if "delay" in group else 0, dtype=np.int64)
    if delay.ndim == 1:  # a length equal to the outputs is tried first
        delay = delay[:, None] if len(delay) == size else delay[None, :]
    return DenseLayer(
        weight=_clipped(group["weight"][()].reshape(size, -1).astype(np.int64)),
        delay=np.clip(delay, 0, DELAY_MAX),
        bias=_bias(group, size, where),
        **fields,
    )


def _read_convolution(group: Any, where: str, fields: dict[str, int]) -> ConvolutionLayer:
    weight = _clipped(group["weight"][()].astype(np.int64))
    if weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    if weight.ndim != 4:
        raise FileFormatError("is no two-dimensional kernel", where=where, value=weight.shape)
    return ConvolutionLayer(
        weight=weight,
        stride=_pair(group["stride"]),
        padding=_pair(group["padding"]),
        dilation=_pair(group["dilation"]),
        groups=_number(group["groups"]),
        bias=_bias(group, len(weight), where),
        **fields,
    )


def _clipped(weight: Ints) -> Ints:
    """Weights as the loader takes them: matrices of both signs are clipped to what a synapse holds."""
    if weight.size and weight.min() < 0 < weight.max():
        return np.clip(weight, *weight_range(SignMode.MIXED))
    return weight


def _bias(group: Any, size: int, where: str) -> Ints:
    bias = group["bias"][()].reshape(-1).astype(np.int64) if "bias" in group else np.zeros(size, np.int64)
    if len(bias) != size:
        raise FileFormatError("biases do not fit the layer", where=where, value=len(bias), limit=size)
    return np.asarray(bias, dtype=np.int64)


def _text(value: Any) -> str:
    first = value[0] if isinstance(value, np.ndarray) and value.ndim else value
    return first.decode() if isinstance(first, bytes) else str(first)


def _number(dataset: Any) -> int:
    return int(np.asarray(dataset[()]).reshape(-1)[0])


def _pair(dataset: Any) -> tuple[int, int]:
    values = np.asarray(dataset[()]).reshape(-1)
    return int(values[0]), int(values[min(1, len(values) - 1)])
