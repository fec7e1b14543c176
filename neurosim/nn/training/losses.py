"""What training minimises: how wrong the output's spike counts are, and how far layers stray from a range of rates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.parameters import Parameters, parameter

__all__ = ["SpikeCountCrossEntropy"]


class SpikeCountCrossEntropy(Parameters):
    """Cross-entropy of the output's spike counts, taken as logits, plus a penalty on rates outside a range.

    The class is the output neuron that spikes most. For every population but the last and every neuron, the mean
    count c over the batch adds ``rate_weight`` times the squared distance of c from [rate_low, rate_high], averaged
    over neurons.
    """

    scale: float = parameter(default=1.0, above=0.0, doc="logit of one spike")
    rate_weight: float = parameter(default=0.0, minimum=0.0, doc="weight of the penalty")
    rate_low: float = parameter(default=0.0, minimum=0.0, doc="spikes a neuron and sample")
    rate_high: float = parameter(
        default=float("inf"), minimum=0.0, infinite=True, doc="spikes a neuron and sample"
    )

    def __call__(self, outputs: Sequence[Tensor], labels: Tensor) -> Tensor:
        """The loss of what the populations put out, ``[T, B, n]`` each, for the classes ``labels [B]``."""
        loss = torch.nn.functional.cross_entropy(outputs[-1].sum(0) * self.scale, labels)
        if self.rate_weight > 0:
            for spikes in outputs[:-1]:
                count = spikes.sum(0).mean(0)
                outside = count - count.clamp(self.rate_low, self.rate_high)
                loss = loss + self.rate_weight * outside.square().mean()
        return loss
