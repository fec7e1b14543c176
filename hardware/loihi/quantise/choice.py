"""What the description of a population leaves open when it is rounded to registers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Choice"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How one population and the synapses onto it are rounded; as it stands, to the nearest register values.

    Attributes:
        percentile: weights up to this percentile of the magnitudes share one exponent; each larger one has the least
            that holds it.
        exponent: the weight exponent of all synapses, or None to choose.
        scale: register value of a unit of the potential, or None to choose by the rounding errors.
        threshold, du, dv, bias: steps away from the nearest register values, of the neurons whose number is not held
            exactly; bias in steps of its mantissa.
    """

    percentile: float = 100.0
    exponent: int | None = None
    scale: float | None = None
    threshold: int = 0
    du: int = 0
    dv: int = 0
    bias: int = 0

    def __str__(self) -> str:
        parts = [f"percentile {self.percentile:g}"] if self.percentile != 100.0 else []
        parts += [
            f"{name} {value:+d}"
            for name in ("threshold", "du", "dv", "bias")
            if (value := getattr(self, name))
        ]
        return ", ".join(parts) or "nearest"
