"""Feed-forward stacks of PyTorch layers as a Network; what `snntorch` and `spikingjelly` have in common.

Layers are recognised by the names of their classes and read through ``.detach()``; PyTorch is not imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import NeurosimError, UnsupportedError
from neurosim.interchange.linear_maps import (
    LinearMap,
    Shape,
    compose,
    convolution,
    dense,
    diagonal,
    identity,
    pooling,
)
from neurosim.loss_report import Loss, LossKind
from neurosim.network import Network
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Discretisation

__all__ = ["Cell", "Stack", "array_of", "is_a", "layers_of", "spread"]

Array = NDArray[Any]
_TRANSPARENT = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout")


def is_a(module: Any, *names: str) -> bool:
    """Whether a module's class, or one that it derives from, has one of these names."""
    return any(cls.__name__ in names for cls in type(module).__mro__)


def array_of(value: Any) -> Array:
    """A tensor or number as a float64 array."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, np.float64)


def spread(value: Any, shape: Shape) -> Array:
    """A parameter of a layer, one number or one a neuron, as an array of the population's shape."""
    array = array_of(value)
    try:
        return np.array(np.broadcast_to(array, shape))
    except ValueError:
        raise UnsupportedError(
            "a parameter does not fit the layer's neurons", value=array.shape, limit=shape
        ) from None


def layers_of(module: Any) -> Iterator[tuple[str, Any]]:
    """Name and module of each layer in the order of the signal.

    Args:
        module: a ``torch.nn.Sequential`` (nested ones are opened), one layer, or an iterable of modules or of
            (name, module) pairs.

    Raises:
        UnsupportedError: a module of another kind: the order of its layers is in its ``forward``, which is not read.
    """
    if is_a(module, "Sequential"):
        for name, child in module.named_children():
            for inner, layer in layers_of(child):
                yield f"{name}.{inner}" if inner else name, layer
    elif is_a(module, "Module"):
        if list(module.children()) and not is_a(module, "SpikingNeuron", "BaseNode"):
            raise UnsupportedError(
                "the order of its layers is not known",
                where=type(module).__name__,
                remedy="Pass a torch.nn.Sequential, or the layers as a list in the order of the signal",
            )
        yield "", module
    elif isinstance(module, Iterable):
        for k, item in enumerate(module):
            name, child = item if isinstance(item, tuple) else (str(k), item)
            for inner, layer in layers_of(child):
                yield f"{name}.{inner}" if inner else str(name), layer
    else:
        raise UnsupportedError("is not a module", value=type(module).__name__)


@dataclass(frozen=True)
class Cell:
    """A neuron layer translated.

    Attributes:
        model: the model without its bias.
        biased: gives the model for a bias, what linear layers add to the input in every step, flat.
        gain: what its weights are multiplied by.
        spike: what its outgoing weights are multiplied by (graded spikes).
        recurrent: matrix of weights from its own last output, or None, and their bias.
    """

    biased: Callable[[Array], NeuronModel]
    gain: Array | float = 1.0
    spike: Array | float = 1.0
    recurrent: LinearMap | None = None
    losses: tuple[Loss, ...] = ()


@dataclass
class Stack:
    """Builds a network layer by layer."""

    shape: Shape
    dt: float
    seed: int = 0
    losses: list[Loss] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.net = Network(dt=self.dt, seed=self.seed)
        self.last = self.net.input("input", self.shape).name
        self._fresh(self.shape)

    def _fresh(self, shape: Shape) -> None:
        """Start a new run of linear layers after a source of spikes."""
        self.map: LinearMap = identity(shape)
        self.bias: Array = np.zeros(math.prod(shape))
        self.names: list[str] = []

    def linear(self, name: str, module: Any) -> bool:
        """Take a layer without neurons; False if it is of no known kind."""
        try:
            made = self._linear(module)
        except NeurosimError as error:
            error.where = error.where or f"layer {name!r} ({type(module).__name__})"
            raise
        if made is None:
            return False
        step, bias = made
        moved = step(self.bias) if self.bias.any() else np.zeros(math.prod(step.post))
        self.bias = moved if bias is None else moved + bias.reshape(-1)
        before = self.map
        self.map = compose(before, step)
        if not (
            isinstance(step.content, np.ndarray) and step.content.ndim == 1 and (step.content == 1).all()
        ):
            self.names.append(name)
        return True

    def _linear(self, m: Any) -> tuple[LinearMap, Array | None] | None:
        pre = self.map.post
        if is_a(m, *_TRANSPARENT):
            return identity(pre), None
        if is_a(m, "Linear"):
            return dense(_weights(m), pre), None if m.bias is None else array_of(m.bias)
        if is_a(m, "Conv2d", "Conv1d"):
            if getattr(m, "padding_mode", "zeros") != "zeros":
                raise UnsupportedError("only zero padding is known", value=m.padding_mode)
            options = {"stride": m.stride, "padding": m.padding, "dilation": m.dilation, "groups": m.groups}
            made = convolution(_weights(m), pre, **options)
            return made, None if m.bias is None else _per_channel(array_of(m.bias), made.post)
        if is_a(m, "AvgPool2d"):
            if m.ceil_mode or m.divisor_override or (np.any(m.padding) and not m.count_include_pad):
                raise UnsupportedError(
                    "average pooling with ceil_mode, divisor_override or count_include_pad=False"
                )
            return pooling(pre, m.kernel_size, m.stride, m.padding, average=True), None
        if is_a(m, "BatchNorm1d", "BatchNorm2d"):
            return _normalisation(m, pre)
        if is_a(m, "Flatten"):
            first = m.start_dim - 1 if m.start_dim > 0 else m.start_dim
            last = m.end_dim - 1 if m.end_dim > 0 else m.end_dim
            if m.start_dim == 0:
                raise UnsupportedError("Flatten would join the batch", value=m.start_dim, limit=">= 1")
            first, last = first % len(pre), last % len(pre)
            post = (*pre[:first], math.prod(pre[first : last + 1]), *pre[last + 1 :])
            same = identity(pre)
            return LinearMap(pre, post, same.content), None
        return None

    def cell(self, name: str, cell: Cell) -> None:
        """Take a neuron layer."""
        shape = self.map.post
        model = cell.biased(self.bias.reshape(shape))
        post = self.net.population(name, shape, model)
        rule, weight = self.map.scaled(cell.gain).synapses()
        self.net.connect(self.last, post, rule, weight=weight, name="+".join(self.names) or None)
        if cell.recurrent is not None:
            rule, weight = cell.recurrent.scaled(cell.gain).synapses()
            self.net.connect(post, post, rule, weight=weight, delay=self.dt, name=f"{name}.recurrent")
        self.losses += cell.losses
        self.last = name
        self._fresh(shape)
        if np.any(np.asarray(cell.spike) != 1.0):
            self.map = diagonal(cell.spike, shape)

    def finished(self) -> Network:
        """The network; linear layers at the end become leaky integrators that forget within a step."""
        if self.names:
            current = self.bias.reshape(self.map.post)
            readout = LeakyIntegrator(
                tau_membrane=self.dt, current=current, discretisation=Discretisation.EULER
            )
            what = "weights that lead to the output become leaky integrators that forget within a step; read their v"
            self.losses.append(Loss(kind=LossKind.APPROXIMATED, where=f"layer {self.names[-1]!r}", what=what))
            self.cell("output", Cell(biased=lambda _: readout))
        elif not (np.asarray(self.map.content) == 1).all():
            what = "its spikes are worth another amount than one; their number is kept"
            self.losses.append(Loss(kind=LossKind.APPROXIMATED, where=f"layer {self.last!r}", what=what))
        if self.net.populations:
            self.net.output(self.last)
        return self.net


def _weights(m: Any) -> Array:
    """A weight in its own precision."""
    return np.asarray(m.weight.detach().cpu().numpy())


def _per_channel(values: Array, shape: Sequence[int]) -> Array:
    return np.array(np.broadcast_to(values.reshape(-1, *(1,) * (len(shape) - 1)), tuple(shape))).reshape(-1)


def _normalisation(m: Any, pre: Shape) -> tuple[LinearMap, Array]:
    """Batch normalisation with its running statistics, as it is when evaluating."""
    if m.running_mean is None:
        raise UnsupportedError("batch normalisation without running statistics")
    if m.training:
        raise UnsupportedError("batch normalisation is in training mode", remedy="Call module.eval() first")
    scale = 1.0 / np.sqrt(array_of(m.running_var) + m.eps)
    if m.weight is not None:
        scale = scale * array_of(m.weight)
    shift = -array_of(m.running_mean) * scale + (0.0 if m.bias is None else array_of(m.bias))
    return diagonal(_per_channel(scale, pre).reshape(pre), pre), _per_channel(shift, pre)
