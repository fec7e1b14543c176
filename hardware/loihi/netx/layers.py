"""Layers of lava-dl's HDF5 network file, as its loader holds them.

Such a file holds layers one after the other. Arrays of shapes are in Lava's order (x, y, channel), as are states of
neurons; weights are as the file stores them: dense [out, in], kernels [out, in / groups, height, width], not flipped,
as PyTorch has them. Source: lava-dl ``netx/hdf5.py``, ``netx/blocks/process.py`` (lava-nc/lava-dl d825ac50).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BIAS_EXPONENT",
    "DELAY_MAX",
    "ComplexDenseLayer",
    "ConvolutionLayer",
    "DenseLayer",
    "FlattenLayer",
    "InputLayer",
    "Layer",
    "NetxNetwork",
    "NeuronKind",
    "Neurons",
]

Ints = NDArray[np.int64]

DELAY_MAX = 62
"""Longer delays are clamped by the loader."""
BIAS_EXPONENT = 6
"""Biases of leaky integrate-and-fire neurons are mantissas of this exponent."""


class NeuronKind(Enum):
    """The Lava process that the loader makes of a neuron group."""

    LIF = "LIF"
    SIGMA_DELTA = "SigmaDelta"
    DELTA = "Delta"
    SIGMA = "Sigma"
    RF = "RF"
    RF_IZ = "RF_IZ"

    @property
    def graded(self) -> bool:
        """Whether its messages are numbers, not spikes: the next layer multiplies by them."""
        return self in (NeuronKind.SIGMA_DELTA, NeuronKind.DELTA, NeuronKind.SIGMA)


@dataclass(frozen=True, eq=False, kw_only=True)
class Neurons:
    """What all neurons of a layer share; those that the kind does not have are 0.

    Attributes:
        du, dv: of a LIF: iDecay - 1 (-1 keeps the current whole) and vDecay (4096 leaves nothing of the potential).
            These and the threshold may be int64 arrays that broadcast to the layer's shape.
        threshold: mantissa, vThMant.
        sin, cos: of a resonator, in units of 2^-12.
    """

    kind: NeuronKind = NeuronKind.LIF
    du: int | Ints = 0
    dv: int | Ints = 0
    threshold: int | Ints = 0
    sin: int = 0
    cos: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class InputLayer:
    """Neurons that the user drives: the bias mantissa of a LIF, the input of a Delta; (x, y, channel) or (n,).

    ``weight`` and ``bias`` are not used by Lava: they tell the user how to make that drive of pixels.
    """

    shape: tuple[int, ...]
    neurons: Neurons
    weight: int = 64
    bias: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class DenseLayer:
    """A matrix of weights and its neurons.

    Attributes:
        weight: int64 [out, in] as Lava's connection holds it; ``(weight @ spikes) * 2^exponent``, rounded down, is
            delivered. With exponent 0 these are the numbers of the file.
        recurrent: int64 [out, out] from the layer to itself, with the same exponent, or None.
        delay: register value, int64 that broadcasts to [out, in]; a recurrent layer has none, other than the loader's
            misreading of one (then [out, in] with in = out, and it holds for both matrices).
        bias: int64 [out]; mantissas of exponent 6 for a LIF.
    """

    weight: Ints
    bias: Ints
    neurons: Neurons
    delay: Ints = field(default_factory=lambda: np.zeros((), dtype=np.int64))
    recurrent: Ints | None = None
    exponent: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """(out,)"""
        return (len(self.weight),)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(in,)"""
        return (self.weight.shape[1],)


@dataclass(frozen=True, eq=False, kw_only=True)
class ComplexDenseLayer:
    """Two matrices int64 [out, in] into the real and imaginary input of resonators, each with its exponent."""

    real: Ints
    imaginary: Ints
    neurons: Neurons
    exponents: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """(out,)"""
        return (len(self.real),)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(in,)"""
        return (self.real.shape[1],)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvolutionLayer:
    """A convolution and its neurons.

    Attributes:
        weight: int64 [out, in / groups, height, width], as PyTorch holds it (not flipped).
        stride, padding, dilation: in the order (height, width).
        bias: int64 that broadcasts to ``shape``.
        shape: (x, y, channel) of the output.
        input_shape: the same of the input; None if the file does not say.
    """

    weight: Ints
    bias: Ints
    neurons: Neurons
    shape: tuple[int, ...]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    input_shape: tuple[int, ...] | None = None

    def output_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Output (x, y, channel) for an input of this shape."""
        sizes = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                shape[:2],
                self.weight.shape[:1:-1],
                self.stride[::-1],
                self.padding[::-1],
                self.dilation[::-1],
                strict=True,
            )
        ]
        return (*sizes, len(self.weight))


@dataclass(frozen=True, kw_only=True)
class FlattenLayer:
    """From (x, y, channel) to a vector in the order channel, y, x; takes no time."""


Layer = InputLayer | DenseLayer | ComplexDenseLayer | ConvolutionLayer | FlattenLayer


@dataclass(frozen=True, eq=False, kw_only=True)
class NetxNetwork:
    """The layers of a file in order, and what the loader misreads in it.

    Attributes:
        input_shape: (x, y, channel) or (n,) of what goes into the first layer; None if the file does not say.
        misread: sentences that name layer and key; a strict reader raises them instead.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...] | None = None
    misread: tuple[str, ...] = ()
