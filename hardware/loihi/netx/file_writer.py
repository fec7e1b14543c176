"""Writing lava-dl's HDF5 network files so that its loader reads what was meant.

The set of keys is what the loader takes; all that it misreads or fails on is refused (see
`neurosim.hardware.loihi.netx.file_reader`), and so are weights that not all models of the chip hold alike.
"""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.netx.layers import (
    DELAY_MAX,
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    NetxNetwork,
    NeuronKind,
    Neurons,
)
from neurosim.hardware.loihi.netx.loaded_weights import loaded_weights
from neurosim.hardware.loihi.numerics.weights import is_common, sign_mode

__all__ = ["BIAS_MAX", "unheld_weights", "write_network"]

Ints = NDArray[np.int64]

BIAS_MAX = 4095
"""Largest magnitude of a bias mantissa."""


def write_network(network: NetxNetwork) -> bytes:
    """The network as a file.

    Raises:
        UnsupportedError: what such a file cannot hold, or what the loader would misread; names the layer.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False) as f:
        number = 0
        layers = list(network.layers)
        if network.input_shape is not None and layers and isinstance(layers[0], ConvolutionLayer):
            group = f.create_group("layer/0")
            group["type"], group["shape"] = _type("input"), _shape(network.input_shape)
            number = 1
        shape = network.input_shape
        for layer in layers:
            group = f.create_group(f"layer/{number}")
            where = f"layer {number}"
            if isinstance(layer, FlattenLayer):
                size = int(np.prod(shape)) if shape is not None else 0
                group["type"], group["shape"] = _type("flatten"), np.array([size], dtype=np.int64)
            else:
                _write(group, layer, where)
                shape = layer.shape
            number += 1
    return buffer.getvalue()


def unheld_weights(*weights: Ints) -> str | None:
    """Why weights that the loader takes together cannot be stored, or None."""
    if not any(np.any(w) for w in weights):
        return "only zero weights"
    together = np.concatenate([w.reshape(-1) for w in weights])
    if not is_common(together, 0, sign_mode(together)):
        return "weights that are not -256 to 254 and even, or 0 to 255, or -255 to 0"
    held, exponent = loaded_weights(weights)
    if exponent or not all(np.array_equal(a, b) for a, b in zip(held, weights, strict=True)):
        return "negative weights alone with a power of two as the lowest, which the loader loses"
    return None


def _write(
    group: Any, layer: InputLayer | DenseLayer | ComplexDenseLayer | ConvolutionLayer, where: str
) -> None:
    group["shape"] = _shape(layer.shape)
    _neurons(group, layer.neurons, where)
    if isinstance(layer, InputLayer):
        group["type"], group["weight"], group["bias"] = _type("input"), layer.weight, layer.bias
        return
    if isinstance(layer, ComplexDenseLayer):
        group["type"] = _type("dense")
        if any(layer.exponents):
            raise UnsupportedError("has weights that the loader changed", where=where)
        for name, weight in (("real", layer.real), ("imag", layer.imaginary)):
            _weights(group, {f"weight/{name}": weight}, where)
        return
    if isinstance(layer, ConvolutionLayer):
        group["type"] = _type("conv")
        _weights(group, {"weight": layer.weight}, where)
        group["inChannels"], group["outChannels"] = layer.weight.shape[1] * layer.groups, len(layer.weight)
        group["kernelSize"] = np.array(layer.weight.shape[2:], dtype=np.int64)
        for name in ("stride", "padding", "dilation"):
            group[name] = np.array(getattr(layer, name), dtype=np.int64)
        group["groups"] = layer.groups
        bias = np.broadcast_to(layer.bias, layer.shape)
        _bias(group, bias[0, 0] if np.all(bias == bias[0, 0]) else bias, layer.neurons, where)
        return
    group["type"] = _type("dense" if layer.recurrent is None else "dense_rec")
    if layer.exponent:
        raise UnsupportedError("has weights that the loader changed", where=where)
    stored = {"weight": layer.weight}
    if layer.recurrent is not None:
        stored["weight_rec"] = layer.recurrent
    _weights(group, stored, where)
    group["inFeatures"], group["outFeatures"] = layer.weight.shape[1], layer.weight.shape[0]
    _bias(group, layer.bias, layer.neurons, where)
    if np.any(layer.delay):
        if layer.recurrent is not None:
            raise UnsupportedError(
                "has recurrence and delays: the loader would lose the scale of weights", where=where
            )
        group["delay"] = _delay(layer.delay, layer.weight.shape, where)


def _weights(group: Any, weights: dict[str, Ints], where: str) -> None:
    reason = unheld_weights(*weights.values())
    if reason is not None:
        raise UnsupportedError(f"has {reason}", where=f"{where}, {next(iter(weights))}")
    for name, weight in weights.items():
        group[name] = weight.astype(np.float32)  # as lava-dl's training library stores them


def _bias(group: Any, bias: Ints, neurons: Neurons, where: str) -> None:
    if not np.any(bias):
        return
    worst = int(np.abs(bias).max())
    if neurons.kind is NeuronKind.SIGMA or (neurons.kind is NeuronKind.LIF and worst > BIAS_MAX):
        limit = 0 if neurons.kind is NeuronKind.SIGMA else BIAS_MAX
        raise UnsupportedError("has a bias beyond its register", where=where, value=worst, limit=limit)
    group["bias"] = bias.astype(np.float32)


def _delay(delay: Ints, shape: tuple[int, ...], where: str) -> Ints:
    if delay.min() < 0 or delay.max() > DELAY_MAX:
        worst = [int(delay.min()), int(delay.max())]
        raise UnsupportedError(
            "has a delay that the loader clamps", where=where, value=worst, limit=f"0 to {DELAY_MAX}"
        )
    full = np.broadcast_to(delay, shape)
    if np.all(full == full[0, 0]):
        return np.array(full[0, 0])
    if np.all(full == full[:, :1]):
        return np.array(full[:, 0])
    if np.all(full == full[:1]) and shape[0] != shape[1]:
        return np.array(full[0])
    return np.array(full)


def _neurons(group: Any, neurons: Neurons, where: str) -> None:
    kind = neurons.kind
    for name in ("du", "dv", "threshold"):
        if np.size(getattr(neurons, name)) != 1:
            raise UnsupportedError("has neurons that differ", where=where, value=name)
    du, dv, threshold = (int(np.reshape(x, -1)[0]) for x in (neurons.du, neurons.dv, neurons.threshold))
    made = group.create_group("neuron")
    if kind is NeuronKind.LIF:
        made["type"] = _type("CUBA")
        made["iDecay"], made["vDecay"], made["vThMant"] = du + 1, dv, threshold
        made["refDelay"], made["gradedSpike"] = 1, False
        return
    if kind in (NeuronKind.RF, NeuronKind.RF_IZ):
        made["type"] = _type("RF_PHASE" if kind is NeuronKind.RF else "RF_IZ")
        made["sinDecay"], made["cosDecay"] = neurons.sin, neurons.cos
        made["vThMant"], made["gradedSpike"] = threshold, False
        return
    made["type"] = _type("SDNN")
    made["vThMant"] = threshold
    if kind is NeuronKind.SIGMA:
        made["sigma_output"] = True


def _type(name: str) -> Any:
    return np.array([name.encode()], dtype="S10")


def _shape(shape: tuple[int, ...]) -> Ints:
    """In the order of the file: (channel, y, x)."""
    return np.array(shape[::-1], dtype=np.int64)
