"""Dropout of neurons, for a whole sequence."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurosim import random
from neurosim.errors import DescriptionError
from neurosim.nn.synapses.transform import Transform

__all__ = ["Dropout"]


class Dropout(Transform):
    """In training, silences each neuron of each sample with a probability, for the whole sequence; the others are
    multiplied by 1 / (1 - probability). In evaluation it does nothing, so that it needs no counterpart on a device.

    One draw holds for all steps (as for recurrent networks in Gal and Ghahramani, NeurIPS 2016): the mask is the
    state, and a sequence that is cut and carried on with its states has one mask. What is drawn depends on ``seed``,
    on the number of masks drawn before, which is kept in the buffer ``draws`` and so in checkpoints, and on (sample,
    neuron); on no global state. Give layers different seeds, and processes that share the work different ``draws``.

    Args:
        probability: of silencing.
        seed: of the draws.
    """

    def __init__(self, probability: float, *, seed: int = 0) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise DescriptionError(
                "is out of range", where="Dropout.probability", value=probability, limit="0 <= p < 1"
            )
        self.probability, self.seed = float(probability), int(seed)
        self.draws: Tensor
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """``x [T, B, n]`` masked, and the mask ``[B, n]``; in evaluation x itself, and None."""
        x = self._check(x)
        if not self.training or self.probability == 0:
            return x, None
        mask = self._draw(x) if state is None else state
        return x * mask, mask

    def _draw(self, x: Tensor) -> Tensor:
        key = random.key(self.seed, "dropout", int(self.draws))
        self.draws += 1
        kept = random.uniform(key, np.arange(x.shape[1] * x.shape[2])) >= self.probability
        mask = torch.from_numpy(kept.reshape(x.shape[1:])).to(x.device, x.dtype)
        return mask / (1 - self.probability)

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{self.probability:g}, seed={self.seed}"
