"""Augmentation: training samples shifted in time and along the channels, anew whenever they are seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurosim import random
from neurosim.nn import Transform

__all__ = ["Shift"]


class Shift(Transform):
    """In training, moves each sample as a whole by whole steps and channels; what leaves is lost, zeros come in.

    Both shifts are uniform from minus to plus the largest. They depend on ``seed``, on the number of calls before
    and on the sample. In evaluation the layer does nothing.

    Args:
        rows, channels: how the input's neurons lie: ``rows`` times ``channels``, which are what is shifted.
        steps, by: the largest shift in steps and in channels.
    """

    def __init__(self, rows: int, channels: int, *, steps: int, by: int, seed: int = 0) -> None:
        super().__init__()
        self.n_in = self.n_out = rows * channels
        self.rows, self.channels, self.steps, self.by, self.seed = rows, channels, steps, by, seed
        self.draws: Tensor
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{self.rows}, {self.channels}, steps={self.steps}, by={self.by}, seed={self.seed}"

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        """``x [T, B, n]``, shifted; there is no state."""
        x = self._check(x)
        if not self.training or not (self.steps or self.by):
            return x, None
        key = random.key(self.seed, "shuffle", "shift", int(self.draws))
        self.draws += 1
        sample = np.arange(x.shape[1])
        steps, by = (
            np.floor(random.uniform(key, sample, lane) * (2 * most + 1)).astype(int) - most
            for lane, most in ((0, self.steps), (1, self.by))
        )
        whole = x.transpose(0, 1).reshape(x.shape[1], x.shape[0], self.rows, self.channels)
        out = torch.zeros_like(whole)
        for i in sample:
            from_t, to_t = _slices(int(steps[i]), x.shape[0])
            from_c, to_c = _slices(int(by[i]), self.channels)
            out[i, to_t, :, to_c] = whole[i, from_t, :, from_c]
        return out.reshape(x.shape[1], x.shape[0], -1).transpose(0, 1), None


def _slices(shift: int, length: int) -> tuple[slice, slice]:
    """Where the part that stays comes from, and where it goes."""
    kept = max(length - abs(shift), 0)
    return slice(max(-shift, 0), max(-shift, 0) + kept), slice(max(shift, 0), max(shift, 0) + kept)
