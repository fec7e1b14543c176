"""Layers of neurons whose threshold rises with every spike."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from neurosim import neurons
from neurosim.neurons.model import NeuronModel
from neurosim.neurons.options import Reset
from neurosim.nn.membrane_rule import AdaptiveState
from neurosim.nn.neurons.base import Neurons
from neurosim.nn.ops.adaptive import adaptive

__all__ = ["AdaptiveLIF"]


class AdaptiveLIF(Neurons):
    """Adaptive leaky integrate-and-fire neurons: `neurosim.neurons.AdaptiveLIF` over time.

    ``layer(x)`` returns spikes ``[T, B, n]`` (0 or 1, in the dtype of x) and an `AdaptiveState`. Gradients pass through
    what a spike adds to the threshold whether or not the reset is detached (Bellec et al., NeurIPS 31, 2018).
    """

    MODEL: ClassVar[type[NeuronModel]] = neurons.AdaptiveLIF
    LEARNABLE: ClassVar[tuple[str, ...]] = (
        "tau_membrane", "tau_adaptation", "threshold", "threshold_jump", "current"
    )  # fmt: skip
    RESETS: ClassVar[tuple[Reset, ...]] = (Reset.TO_VALUE, Reset.BY_SUBTRACTION)
    TABLE: ClassVar[tuple[str | float, ...]] = (
        "decay", "v_rest", "drive", "threshold", "v_reset", "decay_theta", "threshold_jump"
    )  # fmt: skip

    def start(self, x: Tensor) -> AdaptiveState:
        """The state before step 0 for arrivals like ``x [T, B, n]``."""
        return AdaptiveState(self._start("v", x), self._start("theta", x), self._held(x))

    def forward(self, x: Tensor, state: AdaptiveState | None = None) -> tuple[Tensor, AdaptiveState]:
        """Spikes for the jumps of v ``x [T, B, n]``."""
        self._check(x)
        return adaptive(
            x, self.start(x) if state is None else state, self.table(x.dtype, x.device), self.step_rule(),
            self.surrogate, detach_reset=self.detach_reset,
        )  # fmt: skip
