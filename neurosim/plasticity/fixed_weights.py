"""No plasticity by spikes."""

from __future__ import annotations

from typing import Any

from neurosim.plasticity.rule import PlasticityRule

__all__ = ["FixedWeights"]


class FixedWeights(PlasticityRule):
    """Spikes change nothing: only ``upkeep`` does, such as scaling and rewiring."""

    @staticmethod
    def on_pre(weight: Any, m: Any) -> Any:
        return weight

    @staticmethod
    def on_post(weight: Any, m: Any) -> Any:
        return weight
