"""What a training tells of itself, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Epoch"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to; ``loss``, ``accuracy`` and ``spikes`` measured while training, on weights that change
    from batch to batch."""

    epoch: int
    loss: float
    accuracy: float
    spikes: tuple[float, ...]
    """spikes a sample of every population; of a readout that does not spike, the sum of its potential"""
    seconds: float
    rates: Mapping[str, float] = field(default_factory=dict)
    """learning rate of every kind of parameter, at the last update"""
    gradient: float | None = None
    """largest norm of the gradients of an update, before clipping; measured where they are clipped"""
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "spikes": list(self.spikes), "rates": dict(self.rates)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Epoch:
        """What `to_json` gave."""
        return cls(**{**values, "spikes": tuple(values["spikes"])})
