"""Layers of neurons whose spikes come back to them over synapses of their own."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurosim.errors import DescriptionError, ShapeError, UnsupportedError
from neurosim.neurons.model import NeuronModel
from neurosim.nn.membrane_rule import MembraneRule
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.ops.recurrent import recurrent
from neurosim.nn.protocols import NeuronQuantiser
from neurosim.nn.surrogate import Surrogate
from neurosim.nn.synapses.delay_linear import DelayLinear
from neurosim.nn.synapses.delayed import DelayedSynapses, DelayGrid
from neurosim.nn.synapses.linear import Linear, Synapses
from neurosim.nn.synapses.neuron_delays import AxonalDelayLinear, DendriticDelayLinear

__all__ = ["Recurrent", "RecurrentState"]


class RecurrentState(NamedTuple):
    """What a recurrent layer is left with after a step: the state of its neurons, see their layer, and what earlier
    spikes still have under way, ``pending [R, B, n]``. Row k arrives in step k of what follows; R is the longest delay.
    """

    neurons: Any
    pending: Tensor


class Recurrent(Neurons):
    """Neurons, and synapses from each of them to all: a spike of step s arrives d >= 1 steps later.

    Neurons and recurrent synapses are run together, by one operator over time::

        Recurrent(LIF(model, 256, dt=1e-3), DelayLinear(256, 256, 25, minimum_delay=1))

    ``layer(x)`` takes what arrives from other layers ``[T, B, n]`` and returns spikes ``[T, B, n]`` and a
    `RecurrentState`; a run in two parts, with the state passed on, is the run in one, gradients included.

    Args:
        neurons: a layer of neurons that spike: `LIF`, `CurrentLIF`, `AdaptiveLIF`, `IntegrateAndFire`.
        synapses: as many onto as from them: a `Linear`, whose delay is one step here, or a `DelayLinear`,
            `AxonalDelayLinear` or `DendriticDelayLinear` with ``minimum_delay`` of at least 1.

    Attributes:
        neurons, synapses: the two layers.

    Raises:
        ShapeError: synapses that do not fit the neurons.
        DescriptionError: neurons or synapses of another kind, delays that may be shorter than one step.
        UnsupportedError: neurons that do not spike.
    """

    def __init__(self, neurons: Neurons, synapses: Synapses) -> None:
        torch.nn.Module.__init__(self)
        if not isinstance(neurons, Neurons) or isinstance(neurons, Recurrent):
            raise DescriptionError(
                "needs a layer of neurons", where="Recurrent", value=type(neurons).__name__
            )
        if not isinstance(synapses, (Linear, DelayLinear, AxonalDelayLinear, DendriticDelayLinear)):
            raise DescriptionError(
                "needs a layer of synapses", where="Recurrent", value=type(synapses).__name__,
                limit="Linear, DelayLinear, AxonalDelayLinear, DendriticDelayLinear",
            )  # fmt: skip
        if not neurons.model.SPIKES:
            raise UnsupportedError(
                "needs neurons that spike", where="Recurrent", value=type(neurons.model).__name__
            )
        if (synapses.n_in, synapses.n_out) != (neurons.size, neurons.size):
            raise ShapeError(
                "synapses do not fit the neurons", where="Recurrent", value=(synapses.n_in, synapses.n_out),
                limit=(neurons.size, neurons.size),
            )  # fmt: skip
        if isinstance(synapses, DelayedSynapses) and synapses.minimum_delay < 1:
            raise DescriptionError(
                "a spike cannot come back in its own step", where="Recurrent", value=synapses.minimum_delay,
                limit="minimum_delay >= 1", remedy="DelayLinear(..., minimum_delay=1)",
            )  # fmt: skip
        self.neurons, self.synapses = neurons, synapses
        self.shape, self.dt, self.learn = neurons.shape, neurons.dt, neurons.learn

    @property
    def longest(self) -> int:
        """Longest delay in steps."""
        return self.synapses.max_delay_steps if isinstance(self.synapses, DelayedSynapses) else 1

    @property
    def model(self) -> NeuronModel:
        """The neurons' model, with the values that parameters have now."""
        return self.neurons.model

    def described_model(self) -> NeuronModel:
        """The model that the neurons compute with."""
        return self.neurons.described_model()

    @property
    def quantiser(self) -> NeuronQuantiser | None:
        """The neurons' quantiser; that of the synapses is ``synapses.quantiser``."""
        return self.neurons.quantiser

    @quantiser.setter
    def quantiser(self, value: NeuronQuantiser | None) -> None:
        self.neurons.quantiser = value

    @property
    def surrogate(self) -> Surrogate:
        """The neurons' surrogate derivative."""
        return self.neurons.surrogate

    @surrogate.setter
    def surrogate(self, value: Surrogate) -> None:
        self.neurons.surrogate = value

    @property
    def detach_reset(self) -> bool:
        """Whether no gradient passes through the neurons' reset."""
        return self.neurons.detach_reset

    @detach_reset.setter
    def detach_reset(self, value: bool) -> None:
        self.neurons.detach_reset = value

    def extra_repr(self) -> str:
        """Nothing but the two layers."""
        return ""

    def constrain_(self) -> None:
        """Put the parameters of both layers back into their ranges; call it after every step of an optimiser."""
        for layer in (self.neurons, self.synapses):
            constrain = getattr(layer, "constrain_", None)
            if constrain is not None:
                constrain()

    def step_rule(self) -> MembraneRule:
        """What a step of the neurons does besides its coefficients."""
        return self.neurons.step_rule()

    def table(self, dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
        """The coefficients of the neurons' step."""
        return self.neurons.table(dtype, device)

    def start(self, x: Tensor) -> RecurrentState:
        """The state before step 0 for arrivals like ``x [T, B, n]``: nothing is under way."""
        return RecurrentState(self.neurons.start(x), x.new_zeros(self.longest, x.shape[1], self.size))

    def forward(self, x: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Spikes ``[T, B, n]`` for the arrivals from other layers ``x [T, B, n]``, and the state afterwards."""
        self._check(x)
        before = self.start(x) if state is None else state
        delay, whole = None, False
        if isinstance(self.synapses, DelayedSynapses):
            delay, whole = self.synapses.learnt_delays(), self.synapses.grid is DelayGrid.WHOLE
        spikes, pending, after = recurrent(
            x, before.neurons, before.pending, self.synapses.effective_weight(), delay,
            self.table(x.dtype, x.device), self.step_rule(), self.surrogate,
            detach_reset=self.detach_reset, whole=whole,
        )  # fmt: skip
        return spikes, RecurrentState(after, pending)
