"""Training with the cells' noise: another device in every update. The only module here with PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from neurosim import random
from neurosim.hardware.crossbar.profile import Profile, read_profile
from neurosim.hardware.crossbar.programming import program
from neurosim.hardware.crossbar.read_noise import read_sigma

__all__ = ["DeviceNoise"]


@dataclass(frozen=True, kw_only=True)
class DeviceNoise:
    """Weights as one device holds and reads them: pairs of cells, scaled to the largest weight of each neuron.

    Programming error and one draw of the read noise are in; drift, stuck cells, converters and wires are not. The
    gradient passes straight through. Implements ``neurosim.nn.protocols.NoiseModel``.

    Attributes:
        profile: of the cells.
        factor: multiplies the noise.
    """

    profile: Profile = field(default_factory=lambda: read_profile("rram-wan-1d"))
    factor: float = 1.0

    def __call__(self, weight: Tensor, *, seed: int, index: int) -> Tensor:
        """``weight [n_out, n_in]`` as device number ``index`` of ``seed`` reads them."""
        wanted = weight.detach().double().numpy()
        largest = np.abs(wanted).max(axis=1, keepdims=True)
        scale = self.profile.span / np.where(largest > 0, largest, 1.0)
        target = self.profile.g_min + np.stack([np.maximum(wanted, 0.0), np.maximum(-wanted, 0.0)]) * scale
        cell = np.arange(target.size).reshape(target.shape)
        device = random.key(seed, "device.program", "training", index)
        held = program(self.profile, target, cell, seed=device)
        xi = random.normal(random.key(seed, "device.read", "training", index), cell)
        held += read_sigma(self.profile, held, held) * xi
        error = (held[0] - held[1]) / scale - wanted
        return weight + torch.from_numpy(self.factor * error).to(weight.dtype)
