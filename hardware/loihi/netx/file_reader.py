"""Reading lava-dl's HDF5 network files: what its loader makes of them, and what it gets wrong.

The loader misreads or fails on more than it says: it cuts fractions off, clips weights and delays, wraps large biases,
loses weights of purely inhibitory matrices (`neurosim.hardware.loihi.netx.loaded_weights`) and the scale of recurrent
layers with delays, fails on ``messageBits`` and on matrices of zeros. `Reading.STRICT` refuses every such file with the
layer and the key; `Reading.AS_LOADED` returns what Lava would run, and fails only where Lava does.
Source: lava-dl ``netx/hdf5.py``, ``netx/utils.py`` (lava-nc/lava-dl d825ac50), and runs of release 0.6.0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError, NeurosimError, UnsupportedError
from neurosim.hardware.loihi.netx.layer_group import MAX_VALUES, LayerGroup, Reading
from neurosim.hardware.loihi.netx.layers import (
    DELAY_MAX,
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    Layer,
    NetxNetwork,
    NeuronKind,
    Neurons,
)
from neurosim.hardware.loihi.netx.loaded_weights import loaded_weights, shifted_weights
from neurosim.hardware.loihi.netx.neuron_group import DEFAULT_NEURONS, read_neurons

__all__ = ["read_network"]

Ints = NDArray[np.int64]

_MAX_LAYERS = 4096
_KINDS = ("input", "dense", "dense_rec", "conv", "flatten")
_KNOWN = {
    *("type", "shape", "weight", "weight_rec", "bias", "delay", "stride", "padding", "dilation", "groups"),
    *("neuron", "inFeatures", "outFeatures", "inChannels", "outChannels", "kernelSize"),
}
"""Data sets of a layer: those that are read, and those that lava-dl's training library writes beside them."""
_INT16 = 1 << 15


def read_network(
    path: str | os.PathLike[str],
    *,
    reading: Reading = Reading.STRICT,
    input_shape: Sequence[int] | None = None,
) -> NetxNetwork:
    """The layers of a file as the loader holds them.

    Args:
        input_shape: (x, y, channel) of the input, where the first layer is a convolution and no layer names it; the
            loader asks for the same.

    Raises:
        FileFormatError: not such a file, or one that the loader fails on (or misreads, if strict); names layer and key.
        UnsupportedError: a layer or neuron that the loader does not know.
    """
    where = str(path)
    misread: list[str] = []
    try:
        with h5py.File(path, "r") as f:
            groups = _groups(f, where)
            network = _Chain(tuple(input_shape) if input_shape is not None else None)
            for i, group in enumerate(groups):
                network.add(LayerGroup(group, f"{where}, layer {i}", reading, misread), len(groups) - 1 == i)
    except NeurosimError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise FileFormatError(f"cannot be read as a netx file: {error}", where=where) from None
    return NetxNetwork(layers=tuple(network.layers), input_shape=network.first_shape, misread=tuple(misread))


def _groups(f: h5py.File, where: str) -> list[h5py.Group]:
    """The groups ``layer/0`` to ``layer/n-1``."""
    if "layer" not in f or not isinstance(f["layer"], h5py.Group):
        raise FileFormatError("is no netx file: it has no group 'layer'", where=where)
    layers = f["layer"]
    if not 0 < len(layers) <= _MAX_LAYERS:
        raise FileFormatError("has no layers or too many", where=where, value=len(layers), limit=_MAX_LAYERS)
    names = [str(i) for i in range(len(layers))]
    if set(layers) != set(names):
        raise FileFormatError("layers are not numbered from 0", where=where, value=sorted(layers)[:10])
    for name in names:
        link = layers.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink) or not isinstance(layers[name], h5py.Group):
            raise FileFormatError("is no group of the file", where=f"{where}, layer {name}")
    return [layers[name] for name in names]


class _Chain:
    """Layers so far, and the shape that the next one gets."""

    def __init__(self, input_shape: tuple[int, ...] | None) -> None:
        self.layers: list[Layer] = []
        self.first_shape = input_shape
        self.shape = input_shape
        self.flatten = False
        self.started = False
        """whether a layer with neurons was met"""

    def add(self, g: LayerGroup, last: bool) -> None:
        """Read one more layer."""
        kind = g.text("type")
        if kind not in _KINDS:
            raise UnsupportedError(
                "a layer that the loader does not know", where=f"{g.where}, type", value=kind, limit=_KINDS
            )
        unknown = sorted(set(g.keys()) - _KNOWN)
        if unknown:
            g.note(unknown[0], "is not read by the loader", limit=sorted(_KNOWN))
        if kind == "flatten":
            if last or self.flatten:
                g.note("type", "a flatten layer acts on the dense layer behind it, and there is none")
            self.flatten = True
            return
        if kind == "input":
            self._input(g)
            return
        layer = self._convolution(g) if kind == "conv" else self._dense(g, kind == "dense_rec")
        if not self.started:
            self.first_shape = layer.input_shape
        self.layers.append(layer)
        self.shape, self.started = layer.shape, True

    def _input(self, g: LayerGroup) -> None:
        if self.started:
            raise g.refuse("type", "an input behind other layers is joined to nothing")
        shape = g.shape()[::-1]
        if "neuron" in g:
            neurons = read_neurons(g, shape, first=True)
            if neurons.kind not in (NeuronKind.LIF, NeuronKind.DELTA):
                raise g.refuse("neuron/type", "the loader fails on an input layer of these neurons")
            given = {key: g.number(key) for key in ("weight", "bias") if key in g}
            self.layers.append(InputLayer(shape=shape, neurons=neurons, **given))
            self.started = True
        self.shape = self.first_shape = shape

    def _convolution(self, g: LayerGroup) -> ConvolutionLayer:
        if self.flatten:
            g.note("type", "a convolution behind a flatten layer gets its input unflattened")
        if "delay" in g:
            g.note("delay", "the loader ignores delays of a convolution")
        weight = g.array("weight")
        if weight.ndim < 4 or np.prod(weight.shape[4:]) != 1:
            raise g.refuse("weight", "is no two-dimensional kernel", value=weight.shape)
        weight = weight.reshape(weight.shape[:4])
        if np.abs(weight).max() >= 1 << 31:
            raise g.refuse("weight", "holds weights beyond 32 bits")
        groups = g.array("groups", limit=1, whole=True)
        if groups.ndim:
            raise g.refuse("groups", "must be a scalar, not an array", value=groups.shape)
        shape = g.shape()[::-1]
        neurons = read_neurons(g, shape)
        if neurons.kind in (NeuronKind.RF, NeuronKind.RF_IZ):
            raise g.refuse("neuron/type", "the loader knows resonators only behind complex weights")
        layer = ConvolutionLayer(
            weight=weight,
            stride=g.pair("stride"),
            padding=g.pair("padding"),
            dilation=g.pair("dilation"),
            groups=int(groups),
            bias=_bias(g, neurons, shape),
            neurons=neurons,
            shape=shape,
            input_shape=self.shape,
        )
        _check_convolution(g, layer)
        return layer

    def _dense(self, g: LayerGroup, recurrent: bool) -> DenseLayer | ComplexDenseLayer:
        n = int(np.prod(g.shape()))
        neurons = read_neurons(g, (n,)) if "neuron" in g else DEFAULT_NEURONS
        # ``weight`` is a group with ``real`` and ``imag``, or a data set
        is_complex = isinstance(g.group.get("weight"), h5py.Group) and "imag" in g.group["weight"]
        if is_complex != (neurons.kind in (NeuronKind.RF, NeuronKind.RF_IZ)):
            raise g.refuse("neuron/type", "resonators need complex weights, and nothing else takes them")
        if is_complex:
            layer: DenseLayer | ComplexDenseLayer = _complex_dense(g, n, neurons)
            if recurrent or "bias" in g or "delay" in g:
                g.note("weight", "recurrence, biases and delays of complex weights are ignored by the loader")
        else:
            layer = _real_dense(g, n, neurons, recurrent)
        incoming = layer.input_shape[0]
        if self.started:
            assert self.shape is not None  # of the layer before
            if len(self.shape) > 1 and not self.flatten:
                raise g.refuse("weight", "a flatten layer must come before", value=self.shape)
            if self.flatten and len(self.shape) != 3:
                raise g.refuse("type", "the layer before it cannot be flattened", value=self.shape)
            if incoming != np.prod(self.shape):
                raise g.refuse("weight", "does not fit the layer before", value=incoming, limit=self.shape)
            if self.flatten:
                self.layers.append(FlattenLayer())
        self.flatten = False
        return layer


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


def _complex_dense(g: LayerGroup, n: int, neurons: Neurons) -> ComplexDenseLayer:
    stored = [g.array(f"weight/{part}") for part in ("real", "imag")]
    flat = stored[0].ndim == 1
    real, imaginary = (_matrix(g, f"weight/{part}", n, flat) for part in ("real", "imag"))
    if real.shape != imaginary.shape:
        raise g.refuse("weight/imag", "differs in shape from the real part", value=imaginary.shape)
    ((real,), a), ((imaginary,), b) = (
        _loaded(g, f"weight/{part}", [w]) for part, w in (("real", real), ("imag", imaginary))
    )
    return ComplexDenseLayer(real=real, imaginary=imaginary, exponents=(a, b), neurons=neurons)


def _real_dense(g: LayerGroup, n: int, neurons: Neurons, recurrent: bool) -> DenseLayer:
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
        bias=_bias(g, neurons, (n,)),
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


def _bias(g: LayerGroup, neurons: Neurons, shape: tuple[int, ...]) -> Ints:
    """Broadcast to the shape of the layer."""
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


def _check_convolution(g: LayerGroup, layer: ConvolutionLayer) -> None:
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
