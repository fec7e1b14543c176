"""Layers of neurons, made from the models of the description: what they compute is the model's step, over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim import neurons
from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.nn.ops.membrane import MembraneRule, MembraneState, exponential_filter, membrane
from neurosim.nn.protocols import NeuronQuantiser
from neurosim.nn.surrogate import Arctan, Surrogate
from neurosim.parameters import Value

__all__ = [
    "LIF",
    "CurrentLIF",
    "CurrentState",
    "IntegrateAndFire",
    "LeakyIntegrator",
    "Neurons",
    "neuron_layer",
]


class CurrentState(NamedTuple):
    """State of current-based neurons: the membrane's, and the synaptic current ``i [B, n]``."""

    membrane: MembraneState
    i: Tensor


class Neurons(torch.nn.Module):
    """Base of neuron layers. ``forward(x, state=None)`` maps arrivals ``[T, B, n]`` to (output, state afterwards).

    Args:
        model: the neuron model of the description; its parameters are fixed, not trained.
        shape: number of neurons, or the population's shape (the layer sees it flat).
        dt: time step, s.
        surrogate: derivative that stands in for that of the step at the threshold; default `Arctan`, which also
            lets silent neurons learn.
        detach_reset: whether no gradient passes through the reset (the term in dv/ds is left out).

    Raises:
        DescriptionError: a model of another kind, arrays that do not fit the shape.
        UnsupportedError: options that cannot be trained: a reset in the next step.
    """

    MODEL: ClassVar[type[NeuronModel]] = NeuronModel

    def __init__(
        self,
        model: NeuronModel,
        shape: int | Sequence[int],
        *,
        dt: float,
        surrogate: Surrogate | None = None,
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        if not isinstance(model, self.MODEL):
            raise DescriptionError(
                "needs a neuron model", where=where, value=type(model).__name__, limit=self.MODEL.__name__
            )
        self.shape = (int(shape),) if isinstance(shape, int) else tuple(int(n) for n in shape)
        model.check(self.shape, where)
        if getattr(model, "reset_timing", None) is ResetTiming.NEXT_STEP:
            raise UnsupportedError(
                "a reset in the next step cannot be trained", where=where, remedy="Use ResetTiming.SAME_STEP"
            )
        self.model, self.dt, self.detach_reset = model, float(dt), detach_reset
        self.quantiser: NeuronQuantiser | None = None
        self.surrogate: Surrogate = Arctan() if surrogate is None else surrogate

    def described_model(self) -> NeuronModel:
        """The model that the layer computes with: on a device's grid where the layer has a quantiser."""
        return self.model if self.quantiser is None else self.quantiser(self.model)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{self.model}, {self.shape}, dt={self.dt:g}, surrogate={self.surrogate}"

    def _array(self, value: Value) -> NDArray[np.float64]:
        return np.ascontiguousarray(np.broadcast_to(value, self.shape), np.float64).reshape(-1)

    def _start(self, name: str, x: Tensor) -> Tensor:
        """The model's initial value of one state variable, ``[B, n]``."""
        row = torch.from_numpy(self._array(self.described_model().initial(self.dt)[name]).copy()).to(x.dtype)
        return row.repeat(x.shape[1], 1)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 3 or x.shape[2] != self.size:
            raise ShapeError(
                "arrivals have the wrong shape", where=type(self).__name__, value=tuple(x.shape),
                limit=f"[T, B, {self.size}]",
            )  # fmt: skip

    def _rule(self) -> MembraneRule:
        m = self.described_model()
        c = m.coefficients(self.dt)
        subtract = getattr(m, "reset", None) is Reset.BY_SUBTRACTION
        return MembraneRule(
            decay=self._array(c["decay"]),
            v_rest=self._array(c["v_rest"]),
            drive=self._array(c["drive"]),
            threshold=self._array(c["threshold"]),
            reset=self._array(c["threshold"] if subtract else c["v_reset"]),
            refractory=self._array(c["refractory_steps"]).astype(np.int32),
            subtract=subtract,
            exceeded=getattr(m, "spike_when", None) is SpikeWhen.EXCEEDED,
            held_input=getattr(m, "refractory_input", RefractoryInput.DROP),
        )

    def _membrane_start(self, x: Tensor) -> MembraneState:
        held = torch.zeros(x.shape[1], self.size, dtype=torch.int32)
        return MembraneState(self._start("v", x), held)


class LIF(Neurons):
    """Leaky integrate-and-fire neurons with voltage-jump synapses: `neurosim.neurons.LIF` over time.

    ``layer(x)`` returns spikes ``[T, B, n]`` (0 or 1, in the dtype of x) and a `MembraneState`.
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.LIF

    def __init__(self, model: NeuronModel, shape: int | Sequence[int], **options: Any) -> None:
        super().__init__(model, shape, **options)
        self._numbers = self._rule()

    def forward(self, x: Tensor, state: MembraneState | None = None) -> tuple[Tensor, MembraneState]:
        """Spikes for the jumps of v ``x [T, B, n]``."""
        self._check(x)
        before = self._membrane_start(x) if state is None else state
        numbers = self._numbers if self.quantiser is None else self._rule()
        return membrane(x, before, numbers, self.surrogate, detach_reset=self.detach_reset)


class IntegrateAndFire(LIF):
    """Integrate-and-fire neurons: `neurosim.neurons.IntegrateAndFire` over time, the LIF without leak."""

    MODEL: ClassVar[type[NeuronModel]] = neurons.IntegrateAndFire


class CurrentLIF(Neurons):
    """Leaky integrate-and-fire neurons with exponential current synapses: `neurosim.neurons.CurrentLIF` over time.

    ``layer(x)`` returns spikes ``[T, B, n]`` (0 or 1, in the dtype of x) and a `CurrentState`.
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.CurrentLIF

    def __init__(self, model: NeuronModel, shape: int | Sequence[int], **options: Any) -> None:
        super().__init__(model, shape, **options)
        self._refresh()

    def _refresh(self) -> None:
        c = self.described_model().coefficients(self.dt)
        self._numbers = self._rule()
        self._decay_synapse, self._gain = self._array(c["decay_synapse"]), self._array(c["gain"])

    def forward(self, x: Tensor, state: CurrentState | None = None) -> tuple[Tensor, CurrentState]:
        """Spikes for the jumps of the synaptic current ``x [T, B, n]``."""
        self._check(x)
        if self.quantiser is not None:
            self._refresh()
        before = CurrentState(self._membrane_start(x), self._start("i", x)) if state is None else state
        i, last = exponential_filter(x, before.i, self._decay_synapse)
        jumps = i * torch.from_numpy(self._gain).to(x.dtype)
        spikes, after = membrane(
            jumps, before.membrane, self._numbers, self.surrogate, detach_reset=self.detach_reset
        )
        return spikes, CurrentState(after, last)


class LeakyIntegrator(Neurons):
    """A readout that never spikes: `neurosim.neurons.LeakyIntegrator` over time.

    ``layer(x)`` returns potentials ``[T, B, n]`` and the last potential ``[B, n]``.
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.LeakyIntegrator

    def __init__(self, model: NeuronModel, shape: int | Sequence[int], **options: Any) -> None:
        super().__init__(model, shape, **options)
        self._refresh()

    def _refresh(self) -> None:
        c = self.described_model().coefficients(self.dt)
        self._decay, self._v_rest, self._drive = (self._array(c[f]) for f in ("decay", "v_rest", "drive"))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Potentials for the jumps of v ``x [T, B, n]``."""
        self._check(x)
        if self.quantiser is not None:
            self._refresh()
        v_rest, drive = (torch.from_numpy(a).to(x.dtype) for a in (self._v_rest, self._drive))
        v = self._start("v", x) if state is None else state
        distance, last = exponential_filter(x + drive, v - v_rest, self._decay)
        return distance + v_rest, last + v_rest


def neuron_layer(model: NeuronModel, shape: int | Sequence[int], **options: Any) -> Neurons:
    """The layer for a model of the description. Raises `UnsupportedError` where there is none."""
    for layer in (LIF, IntegrateAndFire, CurrentLIF, LeakyIntegrator):
        if type(model) is layer.MODEL:
            return layer(model, shape, **options)
    raise UnsupportedError("no layer trains this neuron model", value=type(model).__name__)
