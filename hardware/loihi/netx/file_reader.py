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
from neurosim.hardware.loihi.netx.layer_group import LayerGroup, Reading
from neurosim.hardware.loihi.netx.layer_reader import (
    check_convolution,
    read_bias,
    read_complex_dense,
    read_real_dense,
)
from neurosim.hardware.loihi.netx.layers import (
    ComplexDenseLayer,
    ConvolutionLayer,
    DenseLayer,
    FlattenLayer,
    InputLayer,
    Layer,
    NetxNetwork,
    NeuronKind,
)
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
            bias=read_bias(g, neurons, shape),
            neurons=neurons,
            shape=shape,
            input_shape=self.shape,
        )
        check_convolution(g, layer)
        return layer

    def _dense(self, g: LayerGroup, recurrent: bool) -> DenseLayer | ComplexDenseLayer:
        n = int(np.prod(g.shape()))
        neurons = read_neurons(g, (n,)) if "neuron" in g else DEFAULT_NEURONS
        # ``weight`` is a group with ``real`` and ``imag``, or a data set
        is_complex = isinstance(g.group.get("weight"), h5py.Group) and "imag" in g.group["weight"]
        if is_complex != (neurons.kind in (NeuronKind.RF, NeuronKind.RF_IZ)):
            raise g.refuse("neuron/type", "resonators need complex weights, and nothing else takes them")
        if is_complex:
            layer: DenseLayer | ComplexDenseLayer = read_complex_dense(g, n, neurons)
            if recurrent or "bias" in g or "delay" in g:
                g.note("weight", "recurrence, biases and delays of complex weights are ignored by the loader")
        else:
            layer = read_real_dense(g, n, neurons, recurrent)
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
