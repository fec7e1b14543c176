"""What a drive is: something that acts on the neurons of a population in every step, without synapses."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from neurosim.errors import ShapeError
from neurosim.parameters import Parameters

__all__ = ["Drive", "check_shapes"]


class Drive(Parameters):
    """Base of drives: ``net.drive(population, ns.PoissonDrive(rate=2000.0, weight=0.1), receptor="excitatory")``.

    A drive adds to what arrives at a receptor (``CURRENT = False``), or to the external current (``CURRENT = True``).
    The engine has a kernel for each class (`neurosim.engine.ops.drive_kernels`).
    """

    CURRENT: ClassVar[bool] = False

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        """Raise `DescriptionError` if the parameters do not fit a population of this shape, or this time step."""


def check_shapes(part: Parameters, shape: tuple[int, ...], where: str) -> None:
    """Raise `ShapeError` if an array parameter does not have the population's shape."""
    for name, value in vars(part).items():
        if isinstance(value, np.ndarray) and value.shape != shape:
            raise ShapeError(
                f"{type(part).__name__}.{name} must be a number or an array of the population's shape",
                where=where,
                value=value.shape,
                limit=shape,
            )
