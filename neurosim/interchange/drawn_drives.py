"""What the drives of a run do in every step, as arrays: for simulators that do not draw the same themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim import random
from neurosim.engine.ops.drive_kernels import prepare
from neurosim.engine.plan import PlanDrive
from neurosim.errors import CapacityError
from neurosim.interchange.run_request import RunRequest

__all__ = ["drawn_drive"]

_LIMIT = 2**30
"""Bytes of the values of one drive and sample."""


def drawn_drive(drive: PlanDrive, request: RunRequest, sample: int) -> NDArray[np.float64]:
    """What a drive adds in each step to each neuron, [T, n]: arrivals at a receptor, or current. The same numbers as in
    the engine, which depend on (seed, drive, sample, step, neuron) alone.

    Raises:
        CapacityError: more than 1 GiB of values.
    """
    population = request.plan.populations[drive.population]
    if request.steps * population.size * 8 > _LIMIT:
        raise CapacityError(
            "another simulator is given every value of this drive, and these are too many",
            where=f"drive {drive.name!r}",
            value=f"{request.steps} steps of {population.size} neurons",
            limit=f"{_LIMIT >> 20} MiB",
            remedy="Run a shorter piece, or use PoissonDrive with backend='nest'",
        )
    key = random.key(request.seed, "drive", drive.name)
    made = prepare(drive.drive, population.shape, request.plan.dt, key, np.float64)
    values = np.zeros((request.steps, population.size))
    for step in range(request.steps):
        made.add(values[step], 0, population.size, step, sample, *made.arrays)
    return values
