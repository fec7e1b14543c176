"""What drives add in a step, in plain NumPy: what `neurosim.engine.ops.drive_kernels` is tested against."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.special import pdtr

from neurosim.cell_random import cell_normals, cell_words
from neurosim.engine.ops.drive_kernels import poisson_draws
from neurosim.parameters import Value
from neurosim.sources.current_drive import CurrentDrive, Ending, StepCurrent
from neurosim.sources.drive import Drive
from neurosim.sources.noise_current import NoiseCurrent
from neurosim.sources.noise_drive import NoiseDrive
from neurosim.sources.poisson_drive import PoissonDrive
from neurosim.sources.sine_current import SineCurrent
from neurosim.sources.time_grid import whole_steps

__all__ = ["added"]


def added(
    drive: Drive, shape: tuple[int, ...], dt: float, key: int, step: int, sample: int = 0, dtype: DTypeLike = np.float64
) -> NDArray[Any]:  # fmt: skip
    """What ``drive`` adds to the arrivals or the current of every neuron in one step; [n]."""
    n = math.prod(shape)

    def flat(value: Value) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(value, np.float64), shape).reshape(-1)

    def active(start: float, stop: float) -> bool:
        return whole_steps(start, dt, "start") <= step < whole_steps(stop, dt, "stop")

    neurons, nothing = np.arange(n), np.zeros(n, dtype)
    match drive:
        case PoissonDrive():
            draws = poisson_draws(float(np.max(drive.rate)) * dt, each=np.ndim(drive.rate) > 0)[0]
            mean = flat(drive.rate) * dt / draws
            words = [cell_words(key, sample, step, neurons, lane) for lane in range(draws)]
            count = sum((_inverse(mean, w) for w in words), np.zeros(n, np.int64))
            return flat(drive.weight).astype(dtype) * count.astype(dtype)
        case NoiseDrive():
            normals = cell_normals(key, sample, step, neurons).astype(dtype)
            scale = (flat(drive.std) * math.sqrt(dt)).astype(dtype)
            return (flat(drive.mean) * dt).astype(dtype) + scale * normals
        case NoiseCurrent():
            if not active(drive.start, drive.stop):
                return nothing
            held = step // whole_steps(drive.every or dt, dt, "every")
            normals = cell_normals(key, sample, held, neurons).astype(dtype)
            return flat(drive.mean).astype(dtype) + flat(drive.std).astype(dtype) * normals
        case StepCurrent():
            return flat(drive.amplitude).astype(dtype) if active(drive.start, drive.stop) else nothing
        case SineCurrent():
            if not active(drive.start, drive.stop):
                return nothing
            angle = 2 * math.pi * dt * flat(drive.frequency) * step + flat(drive.phase)
            return (flat(drive.offset) + flat(drive.amplitude) * np.sin(angle)).astype(dtype)
        case CurrentDrive():
            values = np.asarray(drive.values, dtype)
            at = (step - whole_steps(drive.start, dt, "start")) // whole_steps(drive.every or dt, dt, "every")
            if at >= len(values) and drive.ending is not Ending.ZERO:
                at = len(values) - 1 if drive.ending is Ending.HOLD else at % len(values)
            if not 0 <= at < len(values):
                return nothing
            return np.broadcast_to(values[at].reshape(-1), n).astype(dtype)
    raise TypeError(type(drive).__name__)


def _inverse(mean: NDArray[np.float64], word: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The least k with word < round(2^32 P(N <= k)), found by asking for one k after the other."""
    k = np.zeros(len(mean), np.int64)
    while (more := word >= np.floor(pdtr(k, mean) * 2.0**32 + 0.5)).any():
        k += more
    return k
