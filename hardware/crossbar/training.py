"""Training on a crossbar's grid and with its noise: another device in every update. Needs PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosim import random
from neurosim.errors import UnsupportedError
from neurosim.hardware.crossbar.mapping import Scaling, nearest_level
from neurosim.hardware.crossbar.profile import Profile, read_profile
from neurosim.hardware.crossbar.programming import drift_factor, program, stuck
from neurosim.hardware.crossbar.read_noise import read_sigma
from neurosim.hardware.crossbar.target import Crossbar
from neurosim.neurons.model import NeuronModel
from neurosim.nn.protocols import Held

__all__ = ["DeviceNoise", "Quantisation"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quantisation:
    """Weights and delays as compiling for a `Crossbar` rounds them; neurons are digital and keep their numbers.

    Without ``levels`` weights stay as they are. Implements ``neurosim.nn.protocols.DeviceRules``.

    Attributes:
        target: profile, scaling and levels.
        factor: of the noise that weights have in training, see `DeviceNoise`; 0: none.
    """

    target: Crossbar = field(default_factory=Crossbar)
    factor: float = 1.0

    @property
    def noise(self) -> DeviceNoise | None:
        """What programming and reading add, another device in every update."""
        if not self.factor:
            return None
        return DeviceNoise(profile=self.target.cell, factor=self.factor, scaling=self.target.scaling)

    @property
    def minimum_delay(self) -> int:
        """A spike may arrive in its own step."""
        return self.target.transport.minimum

    @property
    def max_delay_steps(self) -> int:
        """Depth of the digital buffer in front of the word lines."""
        return int(self.target.limits["delay_steps"])

    def held(
        self, model: NeuronModel, shape: tuple[int, ...], weights: Sequence[Floats], *, dt: float
    ) -> Held:
        """See `neurosim.nn.protocols.DeviceRules.held`.

        Raises:
            UnsupportedError: levels of columns for weights that neurons share, of which those at a border lack some.
        """
        levels, scaling = self.target.levels, self.target.scaling
        shared = any(len(w) != int(np.prod(shape)) for w in weights)
        if levels is not None and scaling is Scaling.COLUMN and shared:
            raise UnsupportedError(
                "neurons that share weights would hold them in different levels",
                where="Crossbar.scaling",
                value=scaling.value,
                remedy="Use Scaling.PROJECTION",
            )
        held = (nearest_level(w, _largest(w, scaling), levels) for w in weights)
        return Held(model, tuple(held))


def _largest(weight: Floats, scaling: Scaling) -> Floats:
    """The weight of the highest conductance, of each row or of all, in the shape of the rows."""
    rows = (len(weight), *[1] * (weight.ndim - 1))
    size = np.abs(weight.reshape(len(weight), -1))
    top = size.max(axis=1) if scaling is Scaling.COLUMN else np.full(len(weight), size.max())
    return np.asarray(np.where(top > 0, top, 1.0).reshape(rows))


@dataclass(frozen=True, kw_only=True)
class DeviceNoise:
    """Weights as one device holds and reads them: pairs of cells, scaled to the largest weight of each neuron.

    Programming error, drift with its mean compensated as `Compensation.GLOBAL` does, stuck cells and one draw of the
    read noise are in; converters and wires are not. The gradient passes straight through. Implements
    ``neurosim.nn.protocols.NoiseModel``.

    Attributes:
        profile: of the cells.
        factor: multiplies the noise.
        scaling: over which weights the largest one sets the scale.
    """

    profile: Profile = field(default_factory=lambda: read_profile("rram-wan-1d"))
    factor: float = 1.0
    scaling: Scaling = Scaling.COLUMN

    def __call__(self, weight: Tensor, *, seed: int, index: int) -> Tensor:
        """``weight [n_out, ...]`` as device number ``index`` of ``seed`` reads them."""
        profile = self.profile
        wanted = weight.detach().cpu().double().numpy()
        scale = profile.span / _largest(wanted, self.scaling)
        target = profile.g_min + np.stack([np.maximum(wanted, 0.0), np.maximum(-wanted, 0.0)]) * scale
        cell = np.arange(target.size).reshape(target.shape)
        device = random.key(seed, "device.program", "training", index)
        written = program(profile, target, cell, seed=device)
        held = written * drift_factor(profile.drift, target / profile.g_max, cell, seed=device)
        xi = random.normal(random.key(seed, "device.read", "training", index), cell)
        held += read_sigma(profile, written, held) * xi
        state = stuck(profile.faults, cell, seed=device)
        held = np.where(state == 0, held, np.where(state < 0, profile.g_min, profile.g_max))
        difference = held[0] - held[1]
        if np.isfinite(profile.drift.t0):
            now = float(np.abs(difference).sum())
            difference *= float(np.abs(written[0] - written[1]).sum()) / now if now > 0 else 1.0
        error = difference / scale - wanted
        if profile.g_unformed is not None:
            error[wanted == 0] = 0.0  # no synapse: its cells are never formed
        return weight + torch.from_numpy(self.factor * error).to(weight)
