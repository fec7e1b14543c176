"""Weights, delays and biases of a layer of a network file, as lava-dl's loader holds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.loihi.netx.layer_group import MAX_VALUES, LayerGroup
from neurosim.hardware.loihi.netx.layers import (
    DELAY_MAX,
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    NeuronKind,
    Neurons,
)
from neurosim.hardware.loihi.netx.loaded_weights import loaded_weights, shifted_weights

__all__ = ["check_convolution", "read_bias", "read_complex_dense", "read_real_dense"]

Ints = NDArray[np.int64]

_INT16 = 1 << 15


def _matrix(g: LayerGroup, key: str, n: int, flat: bool) -> Ints:
    weight = g.array(key)
    if flat and weight.size % n == 0:
        weight = weight.reshape(n, -1)
    if weight.ndim != 2 or len(weight) != n:
        raise g.refuse(key, "weights do not fit the shape of the layer", value=weight.shape, limit=n)
    return weight


def _loaded(
    g: LayerGroup, key: str, stored: list[Ints], *, keep_exponent: bool = True
) -> tuple[list[Ints], int]:
    try:
        if not keep_exponent:
            return shifted_weights(stored)[0], 0
        held, exponent = loaded_weights(stored)
    except ZeroDivisionError:
        raise g.refuse(key, "the loader fails on a matrix of zeros alone") from None
    if exponent or not all(np.array_equal(a, b) for a, b in zip(held, stored, strict=True)):
        g.note(
            key,
            "the loader clips or loses weights",
            value=[min(int(w.min()) for w in stored), max(int(w.max()) for w in stored)],
            remedy="Store -256 to 254 where both signs occur, 0 to 255, or negative ones above -256 without a power "
            "of two as the lowest",
        )
    return held, exponent


def read_complex_dense(g: LayerGroup, n: int, neurons: Neurons) -> ComplexDenseLayer:
    """A layer of ``n`` resonators."""
    stored = [g.array(f"weight/{part}") for part in ("real", "imag")]
    flat = stored[0].ndim == 1
    real, imaginary = (_matrix(g, f"weight/{part}", n, flat) for part in ("real", "imag"))
    if real.shape != imaginary.shape:
        raise g.refuse("weight/imag", "differs in shape from the real part", value=imaginary.shape)
    ((real,), a), ((imaginary,), b) = (
        _loaded(g, f"weight/{part}", [w]) for part, w in (("real", real), ("imag", imaginary))
    )
    return ComplexDenseLayer(real=real, imaginary=imaginary, exponents=(a, b), neurons=neurons)


def read_real_dense(g: LayerGroup, n: int, neurons: Neurons, recurrent: bool) -> DenseLayer:
    """A layer of ``n`` neurons with real weights; ``recurrent`` by its type."""
    flat = g.array("weight").ndim == 1
    stored = [_matrix(g, "weight", n, flat)]
    if recurrent:
        stored.append(_matrix(g, "weight_rec", n, flat))
        if stored[1].shape[1] != n:
            raise g.refuse("weight_rec", "is not square", value=stored[1].shape)
    elif "weight_rec" in g:
        g.note("weight_rec", "is read of layers of the type dense_rec only")
    delay = _delay(g, stored[0].shape) if "delay" in g else np.zeros((), np.int64)
    if recurrent and "delay" in g:
        if stored[0].shape[1] != n:
            raise g.refuse("delay", "the loader fails on a recurrent layer with delays")
        g.note("delay", "with delays the loader forgets the scale of a recurrent layer's weights")
    held, exponent = _loaded(g, "weight", stored, keep_exponent=not (recurrent and "delay" in g))
    return DenseLayer(
        weight=held[0],
        recurrent=held[1] if recurrent else None,
        exponent=exponent,
        delay=delay,
        bias=read_bias(g, neurons, (n,)),
        neurons=neurons,
    )


def _delay(g: LayerGroup, shape: tuple[int, ...]) -> Ints:
    """Register values that broadcast to [out, in]; a length equal to the outputs is tried first."""
    delay = g.array("delay")
    if delay.max() > DELAY_MAX:
        g.note("delay", "longer delays are clamped by the loader", value=int(delay.max()), limit=DELAY_MAX)
        delay = np.clip(delay, 0, DELAY_MAX)
    elif delay.min() < 0:
        raise g.refuse("delay", "the loader fails on negative delays", value=int(delay.min()))
    if delay.ndim == 1 and len(delay) in shape:
        delay = delay[:, None] if len(delay) == shape[0] else delay[None, :]
    elif delay.shape not in ((), shape):
        raise g.refuse("delay", "fits neither outputs nor inputs", value=delay.shape, limit=shape)
    return delay


def read_bias(g: LayerGroup, neurons: Neurons, shape: tuple[int, ...]) -> Ints:
    """Biases, broadcast to the shape of the layer; zeros without the data set."""
    if "bias" not in g:
        return np.broadcast_to(np.zeros((), dtype=np.int64), shape)
    if neurons.kind is NeuronKind.SIGMA:
        raise g.refuse("bias", "the loader fails on a bias of sigma neurons")
    bias = g.array("bias")
    if not (bias.ndim == 1 and len(bias) in (1, shape[-1])) and bias.shape != shape:
        raise g.refuse("bias", "biases do not fit the layer", value=bias.shape, limit=shape)
    if len(shape) == 3 and bias.ndim == 1 and len(bias) != shape[-1]:
        raise g.refuse("bias", "biases do not fit the channels", value=len(bias), limit=shape[-1])
    wrapped = (bias + _INT16) % (2 * _INT16) - _INT16
    if neurons.kind is NeuronKind.LIF and np.any(wrapped != bias):
        worst = int(np.abs(bias).max())
        g.note("bias", "wraps at 16 bits in Lava", value=worst, limit=_INT16 - 1)
        bias = wrapped
    return np.broadcast_to(bias, shape)


def check_convolution(g: LayerGroup, layer: ConvolutionLayer) -> None:
    """Whether the numbers of a convolution fit each other, its input and Lava.

    Raises:
        FileFormatError: they do not.
    """
    out, n_in, *_ = layer.weight.shape
    low = (min(layer.stride), min(layer.dilation), layer.groups, min(layer.padding) + 1)
    if min(low) < 1 or max(*layer.stride, *layer.padding, *layer.dilation) > MAX_VALUES:
        raise g.refuse("stride", "strides, dilations and groups start at 1, padding at 0", value=low)
    # Lava keeps all five in eight bits
    small = max(*layer.stride, *layer.padding, *layer.dilation, layer.groups, *layer.weight.shape[2:])
    if small > 127:
        raise g.refuse("stride", "Lava holds sizes of kernels, strides and the like in 8 bits", value=small)
    if out % layer.groups or len(layer.shape) != 3 or layer.shape[-1] != out:
        raise g.refuse("shape", "does not fit the kernel", value=layer.shape[::-1], limit=layer.weight.shape)
    if layer.input_shape is None:
        return
    if len(layer.input_shape) != 3 or layer.input_shape[-1] != n_in * layer.groups:
        raise g.refuse(
            "weight", "does not fit the layer before", value=layer.weight.shape, limit=layer.input_shape
        )
    found = layer.output_of(layer.input_shape)
    if found != layer.shape:
        raise g.refuse("shape", "is not what the convolution gives", value=layer.shape, limit=found)
