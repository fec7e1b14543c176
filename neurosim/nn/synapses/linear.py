"""Synapses without delays, and what every synapse layer has: weights, a quantiser, a noise model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosim import random
from neurosim.errors import DataError, DescriptionError, ShapeError
from neurosim.nn.ops.linear import linear
from neurosim.nn.protocols import NoiseModel, Quantiser

__all__ = ["Linear", "Synapses"]


class Synapses(torch.nn.Module):
    """Base of synapse layers. ``forward(x, state=None)`` maps spikes ``[T, B, n_in]`` to (arrivals, state afterwards).

    Weights start uniform within ±gain sqrt(6 / n_in) (He et al., ICCV 2015, for gain 1).

    Args:
        n_in, n_out: presynaptic and postsynaptic neurons.
        gain: scale of the first weights.
        seed: draws the first weights (and delays). Give layers of equal shape different seeds.
        quantiser: maps the weights to those a device can hold, in training and in evaluation.
        noise: draws noisy weights, in training only; ``noise_index`` counts the draws and is set from outside.

    Attributes:
        weight: parameter ``[n_out, n_in]``; a jump of v or of the synaptic current.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        gain: float = 1.0,
        seed: int = 0,
        quantiser: Quantiser | None = None,
        noise: NoiseModel | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        for name, n in (("n_in", n_in), ("n_out", n_out)):
            if not isinstance(n, (int, np.integer)) or n < 1:
                raise DescriptionError(
                    "must be a positive whole number",
                    where=f"{type(self).__name__}.{name}",
                    value=repr(n),
                    remedy="Of a population of some shape it is the number of neurons: Spikes.size"
                    if isinstance(n, tuple)
                    else None,
                )
        self.n_in, self.n_out, self.seed = int(n_in), int(n_out), int(seed)
        self.quantiser, self.noise, self.noise_index = quantiser, noise, 0
        bound = gain * math.sqrt(6.0 / n_in)
        drawn = (2.0 * self._uniform("weight") - 1.0) * bound
        self.weight = torch.nn.Parameter(torch.from_numpy(drawn).to(dtype))

    def _uniform(self, what: str) -> Any:
        key = random.key(self.seed, "init", what, self.n_out, self.n_in)
        return random.uniform(key, np.arange(self.n_out * self.n_in)).reshape(self.n_out, self.n_in)

    def effective_weight(self) -> Tensor:
        """The weights that the layer computes with: quantised, and noisy in training."""
        weight: Tensor = self.weight
        if self.quantiser is not None:
            weight = self.quantiser(weight)
        if self.noise is not None and self.training:
            weight = self.noise(weight, seed=self.seed, index=self.noise_index)
        return weight

    def delay_steps(self) -> Tensor | None:
        """Delays ``[n_out, n_in]`` in steps, or None: none of them is delayed."""
        return None

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{self.n_in}, {self.n_out}"

    def _check(self, x: Tensor) -> None:
        if not isinstance(x, Tensor):
            raise DataError(
                "is not a tensor",
                where=type(self).__name__,
                value=type(x).__name__,
                remedy="Of Spikes make one with nn.batch_tensor(spikes)",
            )
        if x.ndim != 3 or x.shape[2] != self.n_in:
            limit = f"[T, B, {self.n_in}]"
            raise ShapeError(
                "spikes have the wrong shape", where=type(self).__name__, value=tuple(x.shape), limit=limit
            )
        if x.dtype != self.weight.dtype:
            raise DataError(
                "spikes and weights differ in dtype",
                where=type(self).__name__,
                value=str(x.dtype),
                limit=str(self.weight.dtype),
            )


class Linear(Synapses):
    """All-to-all synapses without delays: arrivals ``x W^T`` in the step of the spike."""

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Arrivals ``[T, B, n_out]``; there is no state."""
        self._check(x)
        return linear(x, self.effective_weight()), None
