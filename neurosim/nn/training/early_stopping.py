"""When to stop, and which weights to keep, by data that are not trained on."""

from __future__ import annotations

from enum import Enum

from neurosim.nn.training.history import Epoch
from neurosim.parameters import Parameters, parameter

__all__ = ["EarlyStopping", "Monitor"]


class Monitor(Enum):
    """What is watched on the validation data."""

    LOSS = "loss"
    ACCURACY = "accuracy"


class EarlyStopping(Parameters):
    """Stop after ``patience`` epochs without a better one than the best; the best one's weights are kept.

    An infinite patience trains to the end and takes the best weights then.
    """

    patience: float = parameter(default=10.0, minimum=1.0, infinite=True, doc="epochs")
    least: float = parameter(default=0.0, minimum=0.0, doc="by how much better is better")
    monitor: Monitor = Monitor.LOSS

    def score(self, epoch: Epoch) -> float:
        """What is watched, larger is better."""
        loss, share = epoch.validation_loss, epoch.validation_accuracy
        found = share if self.monitor is Monitor.ACCURACY else None if loss is None else -loss
        return float("-inf") if found is None else found

    def better(self, epoch: Epoch, best: Epoch | None) -> bool:
        """Whether ``epoch`` is better than the best so far."""
        return best is None or self.score(epoch) > self.score(best) + self.least

    def best(self, history: tuple[Epoch, ...]) -> Epoch | None:
        """The best epoch of a history, the first of several."""
        found: Epoch | None = None
        for epoch in history:
            if self.better(epoch, found):
                found = epoch
        return found
