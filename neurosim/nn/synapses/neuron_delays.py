"""Synapses with one delay a neuron: along the axon, or along the dendrite. They cost a layer without delays and a
shift in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from neurosim import random
from neurosim.nn.ops.linear import linear
from neurosim.nn.ops.shift import shift
from neurosim.nn.synapses.delayed import DelayedSynapses, DelayGrid

__all__ = ["AxonalDelayLinear", "DendriticDelayLinear"]


class AxonalDelayLinear(DelayedSynapses):
    """All-to-all synapses with a learnable weight each and a learnable delay for every presynaptic neuron.

    As in SLAYER (Shrestha and Orchard, NeurIPS 2018), with delays shared between the two whole steps around them.
    Arguments: see `DelayedSynapses`.

    Attributes:
        weight: parameter ``[n_out, n_in]``.
        delay: parameter ``[n_in]``, in steps.
    """

    def _drawn(self) -> Any:
        return _uniform(self.seed, "axonal delay", self.n_in)

    def _per_synapse(self, delay: Tensor) -> Tensor:
        return delay.expand(self.n_out, self.n_in)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is the last ``max_delay_steps`` inputs."""
        self._check(x)
        inputs, known, after = self._with_past(x, state, self.max_delay_steps)
        whole = self.grid is DelayGrid.WHOLE
        late = shift(inputs, self._learnt(), self.max_delay_steps, skip=known, whole=whole)
        return linear(late, self.effective_weight()), after


class DendriticDelayLinear(DelayedSynapses):
    """All-to-all synapses with a learnable weight each and a learnable delay for every postsynaptic neuron.

    Arguments: see `DelayedSynapses`. The state is the last ``max_delay_steps`` sums of weights.

    Attributes:
        weight: parameter ``[n_out, n_in]``.
        delay: parameter ``[n_out]``, in steps.
    """

    def _drawn(self) -> Any:
        return _uniform(self.seed, "dendritic delay", self.n_out)

    def _per_synapse(self, delay: Tensor) -> Tensor:
        return delay[:, None].expand(self.n_out, self.n_in)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``."""
        self._check(x)
        sums, known, after = self._with_past(linear(x, self.effective_weight()), state, self.max_delay_steps)
        whole = self.grid is DelayGrid.WHOLE
        return shift(sums, self._learnt(), self.max_delay_steps, skip=known, whole=whole), after


def _uniform(seed: int, what: str, n: int) -> Any:
    return random.uniform(random.key(seed, "init", what, n), np.arange(n))
