"""What training minimises: pure functions of what the populations put out and of the classes.

A loss is called with a sequence of ``[T, B, n]`` tensors, one a population, the readout's last, and classes ``[B]``.
Those of this module look at the readout alone, and their ``scores(output) -> [B, n]`` is the rule by which it names a
class: the largest. Losses and the penalties of `neurosim.nn.training.regularisers` are added with ``+``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.training.regularisers import LowerRate, Penalty, UpperRate
from neurosim.parameters import Parameters, parameter

__all__ = [
    "FirstSpikeCrossEntropy",
    "LossSum",
    "MembraneCrossEntropy",
    "OverTime",
    "RateMSE",
    "ReadoutLoss",
    "SoftmaxSumCrossEntropy",
    "SpikeCountCrossEntropy",
    "VanRossumDistance",
    "needs_hidden",
    "scores_of",
]

Outputs = Sequence[Tensor]
AnyLoss = Callable[[Outputs, Tensor], Tensor]


class ReadoutLoss(Parameters):
    """Base of losses on the readout. ``loss + penalty`` is a `LossSum`."""

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The loss, a scalar: the mean over the batch."""
        raise NotImplementedError

    def scores(self, output: Tensor) -> Tensor:
        """Scores ``[B, n]`` of the readout's ``output [T, B, n]``; the class is the largest, the first of several."""
        return output.sum(0)

    def __add__(self, other: ReadoutLoss | LossSum | Penalty) -> LossSum:
        return LossSum(terms=(self,)) + other


class LossSum(Parameters):
    """Losses and penalties that are added up; the first loss names the class."""

    terms: tuple[ReadoutLoss | Penalty, ...]

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The sum of all terms."""
        values = [term(outputs, labels) for term in self.terms]
        return torch.stack(values).sum()

    def scores(self, output: Tensor) -> Tensor:
        """Scores ``[B, n]`` by the rule of the first loss."""
        return scores_of(next((t for t in self.terms if isinstance(t, ReadoutLoss)), None))(output)

    def __add__(self, other: ReadoutLoss | LossSum | Penalty) -> LossSum:
        if not isinstance(other, (ReadoutLoss, LossSum, Penalty)):
            return NotImplemented
        return LossSum(terms=(*self.terms, *(other.terms if isinstance(other, LossSum) else (other,))))


def scores_of(loss: object) -> Callable[[Tensor], Tensor]:
    """The rule by which ``loss`` names a class, for any callable: its ``scores``, else the sum over time."""
    found: Callable[[Tensor], Tensor] | None = getattr(loss, "scores", None)
    return _sum if found is None else found


def needs_hidden(loss: object) -> bool:
    """Whether ``loss`` looks at other populations than the readout; of a callable of your own, that is assumed."""
    if isinstance(loss, LossSum):
        return any(needs_hidden(term) for term in loss.terms)
    return not isinstance(loss, ReadoutLoss) or getattr(loss, "rate_weight", 0.0) > 0


def _sum(output: Tensor) -> Tensor:
    return output.sum(0)


class SpikeCountCrossEntropy(ReadoutLoss):
    """Cross-entropy of the output's spike counts, taken as logits, plus a penalty on rates outside a range.

    The class is the output neuron that spikes most. ``rate_weight``, ``rate_low`` and ``rate_high`` are short for
    adding `LowerRate` and `UpperRate` of that weight.
    """

    scale: float = parameter(default=1.0, above=0.0, doc="logit of one spike")
    rate_weight: float = parameter(default=0.0, minimum=0.0, doc="weight of the penalty")
    rate_low: float = parameter(default=0.0, minimum=0.0, doc="spikes a neuron and sample")
    rate_high: float = parameter(
        default=float("inf"), minimum=0.0, infinite=True, doc="spikes a neuron and sample"
    )

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The loss of what the populations put out, ``[T, B, n]`` each, for the classes ``labels [B]``."""
        loss = cross_entropy(outputs[-1].sum(0) * self.scale, labels)
        if self.rate_weight > 0:
            loss = loss + LowerRate(weight=self.rate_weight, limit=self.rate_low)(outputs, labels)
            if self.rate_high < float("inf"):
                loss = loss + UpperRate(weight=self.rate_weight, limit=self.rate_high)(outputs, labels)
        return loss


class RateMSE(ReadoutLoss):
    """Mean squared distance of each output neuron's rate (spikes a step) from what its class asks for.

    With targets above zero for the wrong classes too, their neurons stay alive, so that they can still learn.
    """

    right: float = parameter(default=0.5, minimum=0.0, doc="spikes a step of the neuron of the class")
    wrong: float = parameter(default=0.02, minimum=0.0, doc="spikes a step of every other output neuron")

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The mean over output neurons and the batch."""
        rates = outputs[-1].mean(0)
        hot = one_hot(labels, rates.shape[1]).to(rates.dtype)
        return (rates - (self.wrong + (self.right - self.wrong) * hot)).square().mean()


class FirstSpikeCrossEntropy(ReadoutLoss):
    """Cross-entropy of how early each output neuron spikes first: the earliest names the class.

    A neuron's latency is the number of steps before its first spike (all steps, if it is silent), and its logit minus
    the latency over ``tau``. The gradient is that of sum_t prod_{s <= t} (1 - S[s]), which is the latency for spikes
    S of 0 and 1: how much a spike more or less in each step would change it. (A loss on first spikes: Mostafa, IEEE
    TNNLS 2018.)
    """

    tau: float = parameter(default=1.0, above=0.0, doc="steps that change a logit by one")

    def latency(self, output: Tensor) -> Tensor:
        """Steps ``[B, n]`` before the first spike of ``output [T, B, n]``."""
        return (1.0 - output.clamp(max=1.0)).cumprod(0).sum(0)

    def scores(self, output: Tensor) -> Tensor:
        """Minus the latency over tau."""
        return self.latency(output) / -self.tau

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        return cross_entropy(self.scores(outputs[-1]), labels)


class OverTime(Enum):
    """What is taken of a potential over time."""

    MAX = "max"
    MEAN = "mean"
    LAST = "last"


class MembraneCrossEntropy(ReadoutLoss):
    """Cross-entropy of the readout's membrane potential: of its maximum, mean or last value over time.

    For a readout that does not spike, such as `neurosim.nn.LeakyIntegrator`. Its maximum over time is what Cramer et
    al. (IEEE TNNLS 2022) train spoken digits with.
    """

    over: OverTime = OverTime.MAX
    scale: float = parameter(default=1.0, above=0.0, doc="logit of a potential of one")

    def scores(self, output: Tensor) -> Tensor:
        """Logits ``[B, n]`` of potentials ``[T, B, n]``."""
        if self.over is OverTime.MAX:
            return output.amax(0) * self.scale
        return (output.mean(0) if self.over is OverTime.MEAN else output[-1]) * self.scale

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        return cross_entropy(self.scores(outputs[-1]), labels)


class SoftmaxSumCrossEntropy(ReadoutLoss):
    """Softmax over classes in each step, summed over time, and the cross-entropy of that sum taken as logits.

    The loss of Hammouamri, Khalfaoui-Hassani and Masquelier (ICLR 2024) on the readout's membrane potential: a step
    counts for what it says most about, however large the potential grows.
    """

    def scores(self, output: Tensor) -> Tensor:
        """The sum over time ``[B, n]`` of the softmax of each step."""
        return output.softmax(2).sum(0)

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        return cross_entropy(self.scores(outputs[-1]), labels)


class VanRossumDistance(ReadoutLoss):
    """Squared distance of the output's spike trains from those wanted for the class (van Rossum, Neural Comput. 2001).

    Both are filtered with exp(-t / tau) from each spike on, to infinity; a spike that is missing or too many, alone,
    counts one half. The class is the nearest target.

    Args:
        targets: wanted spikes ``[classes, T, n]``.
    """

    targets: NDArray[np.float64]
    tau: float = parameter(default=5.0, above=0.0, doc="time constant in steps")

    def __post_init__(self) -> None:
        super().__post_init__()
        if np.ndim(self.targets) != 3:
            raise DescriptionError(
                "must be [classes, T, n]", where="VanRossumDistance.targets", value=np.shape(self.targets)
            )

    def _distance(self, output: Tensor, wanted: Tensor) -> Tensor:
        """``[...]`` for trains ``[..., T, n]``: half of sum_st d[s] exp(-|t - s| / tau) d[t], which is the integral."""
        step = torch.arange(output.shape[-2], device=output.device, dtype=output.dtype)
        kernel = torch.exp((step - step[:, None]).abs() / -self.tau)
        difference = output - wanted
        return 0.5 * (difference * (kernel @ difference)).sum((-2, -1))

    def _targets(self, output: Tensor) -> Tensor:
        targets = torch.from_numpy(self.targets.copy()).to(output)
        if targets.shape[1:] != output.shape[::2]:
            raise ShapeError(
                "targets do not fit the output",
                where="VanRossumDistance.targets",
                value=tuple(targets.shape),
                limit=f"[classes, {output.shape[0]}, {output.shape[2]}]",
            )
        return targets

    def scores(self, output: Tensor) -> Tensor:
        """Minus the distance ``[B, classes]`` from every target."""
        return -self._distance(output.transpose(0, 1)[:, None], self._targets(output))

    def __call__(self, outputs: Outputs, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        output = outputs[-1]
        return self._distance(output.transpose(0, 1), self._targets(output)[labels]).mean()
