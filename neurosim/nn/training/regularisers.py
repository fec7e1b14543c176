"""Penalties on firing rates, to be added to a loss: ``SpikeCountCrossEntropy() + UpperRate(limit=5.0)``.

They look at every population but the last, or at that alone where there is no other. Counts are spikes a neuron and
sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.parameters import Parameters, parameter

__all__ = ["LowerRate", "Penalty", "TotalSpikes", "UpperRate"]

Outputs = Sequence[Tensor]


def _hidden(outputs: Outputs) -> Outputs:
    return outputs[:-1] if len(outputs) > 1 else outputs


class Penalty(Parameters):
    """Base of penalties: called like a loss, whatever the labels."""

    weight: float = parameter(default=1.0, minimum=0.0, doc="factor of the penalty")

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The penalty, a scalar."""
        raise NotImplementedError


class LowerRate(Penalty):
    """Squared distance below ``limit`` of each neuron's mean count over the batch, averaged over the population's
    neurons and added over populations: wakes silent neurons."""

    limit: float = parameter(default=0.0, minimum=0.0, doc="spikes a neuron and sample")

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """Zero where every neuron spikes often enough."""
        counts = [o.sum(0).mean(0) for o in _hidden(outputs)]
        return self.weight * torch.stack([(self.limit - c).relu().square().mean() for c in counts]).sum()


class UpperRate(Penalty):
    """Squared distance above ``limit`` of each neuron's mean count over the batch, averaged over the population's
    neurons and added over populations: quietens busy neurons."""

    limit: float = parameter(default=0.0, minimum=0.0, doc="spikes a neuron and sample")

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """Zero where no neuron spikes too often."""
        counts = [o.sum(0).mean(0) for o in _hidden(outputs)]
        return self.weight * torch.stack([(c - self.limit).relu().square().mean() for c in counts]).sum()


class TotalSpikes(Penalty):
    """Spikes of a sample beyond ``limit``, all neurons of all populations but the last together, averaged over the
    batch: what a chip pays for."""

    weight: float = parameter(default=1e-3, minimum=0.0, doc="factor of the penalty")
    limit: float = parameter(default=0.0, minimum=0.0, doc="spikes a sample")

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """Zero where every sample takes few spikes."""
        totals = torch.stack([o.sum((0, 2)) for o in _hidden(outputs)]).sum(0)
        return self.weight * (totals - self.limit).relu().mean()
