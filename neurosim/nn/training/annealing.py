"""Quantities that change over a training besides the rates, such as the blur of learnable delays."""

from __future__ import annotations

from collections.abc import Callable

import torch

from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, parameter

__all__ = ["AnnealSigma", "Annealing"]

Annealing = Callable[[torch.nn.Module, float], object]
"""Called as (module, share of the training that is done) before every update."""


class AnnealSigma(Parameters):
    """The blur of delays, ``layer.sigma`` in steps, from ``start`` to ``end`` by the same factor in equal times.

    In the first ``until`` of the training; ``end`` from then on (Hammouamri et al., ICLR 2024: from half the longest
    delay to 0.23 steps, in the first quarter). Acts on every layer that has a ``sigma``.
    """

    start: float = parameter(above=0.0, doc="steps")
    end: float = parameter(default=0.23, above=0.0, doc="steps")
    until: float = parameter(default=0.25, above=0.0, maximum=1.0, doc="share of the training")
    parts: float = parameter(
        default=float("inf"),
        minimum=1.0,
        infinite=True,
        doc="equal parts of the training with one value each",
    )

    def sigma(self, done: float) -> float:
        """The blur after a share ``done`` of the training."""
        if self.parts < float("inf"):
            done = (done * self.parts + 1e-9) // 1 / self.parts
        return float(self.start * (self.end / self.start) ** min(done / self.until, 1.0))

    def __call__(self, module: torch.nn.Module, done: float) -> None:
        """Set the blur of every layer that has one.

        Raises:
            DescriptionError: no layer has.
        """
        layers = [layer for layer in module.modules() if hasattr(layer, "sigma")]
        if not layers:
            raise DescriptionError("no layer has a sigma to anneal", where="AnnealSigma")
        for layer in layers:
            layer.sigma = self.sigma(done)  # type: ignore[assignment]
