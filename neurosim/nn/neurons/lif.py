"""Layers of neurons that are linear between spikes: what they compute is the model's step, over time."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from neurosim import neurons
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Reset, ResetTiming
from neurosim.nn.membrane_rule import MembraneState
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.ops.membrane import membrane

__all__ = ["LIF", "CurrentLIF", "IntegrateAndFire", "LeakyIntegrator"]

_MEMBRANE = ("decay", "v_rest", "drive", "threshold", "v_reset")
_JUMP = (0.0, 1.0)
"""Decay and gain of a synaptic current that is what arrives, and gone in the next step."""


class _LinearBetweenSpikes(Neurons):
    """Layers whose step is that of `neurosim.nn.ops.membrane`."""

    def start(self, x: Tensor) -> MembraneState:
        """The state before step 0 for arrivals like ``x [T, B, n]``."""
        i = self._start("i", x) if self.step_rule().synaptic else None
        return MembraneState(self._start("v", x), i, self._held(x))

    def forward(self, x: Tensor, state: MembraneState | None = None) -> tuple[Tensor, MembraneState]:
        """Output ``[T, B, n]`` for the arrivals ``x [T, B, n]``, and the state afterwards."""
        self._check(x)
        return membrane(
            x, self.start(x) if state is None else state, self.table(x.dtype, x.device), self.step_rule(),
            self.surrogate, detach_reset=self.detach_reset,
        )  # fmt: skip

    def _coefficients(self, model: NeuronModel) -> list[Any]:
        rows = super()._coefficients(model)
        if not model.SPIKES:
            return rows
        named = dict(zip(self.TABLE, rows, strict=True))
        # by subtraction, the row is what is added to v
        if getattr(model, "reset", None) is Reset.BY_SUBTRACTION:
            named["v_reset"] = -_lowered(model, named["threshold"], named["decay"])
        elif getattr(model, "reset", None) is Reset.NONE:
            named["v_reset"] = np.zeros_like(named["v_reset"])
        return list(named.values())

    def _row_formulas(self, formulas: dict[str, Tensor]) -> dict[str, Tensor]:
        if getattr(self._first, "reset", None) is not Reset.BY_SUBTRACTION:
            return formulas
        rows: dict[Any, Tensor] = dict(zip(self.TABLE, self._prepare()[2], strict=True))
        rows |= formulas
        return {**formulas, "v_reset": -_lowered(self._first, rows["threshold"], rows["decay"])}


def _lowered(model: NeuronModel, threshold: Any, decay: Any) -> Any:
    """What a spike takes from v: the threshold, or, of a reset one step late, what the leak makes the threshold of."""
    return threshold / decay if getattr(model, "reset_timing", None) is ResetTiming.NEXT_STEP else threshold


class LIF(_LinearBetweenSpikes):
    """Leaky integrate-and-fire neurons with voltage-jump synapses: `neurosim.neurons.LIF` over time.

    ``layer(x)`` returns spikes ``[T, B, n]`` (0 or 1, in the dtype of x) and a `MembraneState`.
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.LIF
    LEARNABLE: ClassVar[tuple[str, ...]] = ("tau_membrane", "threshold", "current")
    TABLE: ClassVar[tuple[str | float, ...]] = (*_MEMBRANE, *_JUMP)


class IntegrateAndFire(_LinearBetweenSpikes):
    """Integrate-and-fire neurons: `neurosim.neurons.IntegrateAndFire` over time, the LIF without leak."""

    MODEL: ClassVar[type[NeuronModel]] = neurons.IntegrateAndFire
    LEARNABLE: ClassVar[tuple[str, ...]] = ("threshold", "current")
    TABLE: ClassVar[tuple[str | float, ...]] = (*_MEMBRANE, *_JUMP)


class CurrentLIF(_LinearBetweenSpikes):
    """Leaky integrate-and-fire neurons with exponential current synapses: `neurosim.neurons.CurrentLIF` over time.

    ``layer(x)`` returns spikes ``[T, B, n]`` (0 or 1, in the dtype of x) and a `MembraneState` with a current.
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.CurrentLIF
    LEARNABLE: ClassVar[tuple[str, ...]] = ("tau_membrane", "tau_synapse", "threshold", "current")
    TABLE: ClassVar[tuple[str | float, ...]] = (*_MEMBRANE, "decay_synapse", "gain")


class LeakyIntegrator(_LinearBetweenSpikes):
    """A readout that never spikes: `neurosim.neurons.LeakyIntegrator` over time.

    ``layer(x)`` returns potentials ``[T, B, n]`` and a `MembraneState`.
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.LeakyIntegrator
    LEARNABLE: ClassVar[tuple[str, ...]] = ("tau_membrane", "current")
    TABLE: ClassVar[tuple[str | float, ...]] = ("decay", "v_rest", "drive", np.inf, 0.0, *_JUMP)
