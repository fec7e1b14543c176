"""Injected currents given by their values."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

import numpy as np

from neurosim.errors import DescriptionError, ShapeError
from neurosim.parameters import Value, parameter
from neurosim.sources.drive import Drive, check_shapes
from neurosim.sources.time_grid import whole_steps

__all__ = ["CurrentDrive", "Ending", "StepCurrent"]


class Ending(Enum):
    """What a list of values does after its last one."""

    ZERO = "zero"
    HOLD = "hold"
    """keep the last value"""
    REPEAT = "repeat"
    """begin again"""


class CurrentDrive(Drive):
    """A current that changes with time, added to the model's external current.

    In step k of the network's life the current is ``values[(k - s) // e]``, with s = start/dt and e = every/dt; it is 0
    before ``start``. The model holds it over the step: as a NEST ``step_current_generator`` or a Brian2 ``TimedArray``.

    Attributes:
        values: ``[T]``, the same for all neurons, or ``[T, *shape]`` of the population; A, or the unit of the model's
            current.
        every: how long each value lasts, s (a multiple of dt); None is one step.
        start: when the first value begins, s.
        ending: what follows the last value.
    """

    CURRENT: ClassVar[bool] = True

    values: Value = parameter(unit="A")
    every: float | None = parameter(default=None, unit="s", above=0.0)
    start: float = parameter(default=0.0, unit="s", minimum=0.0)
    ending: Ending = Ending.ZERO

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        values = np.asarray(self.values)
        if values.ndim == 0 or values.shape[1:] not in ((), shape):
            raise ShapeError(
                "values must be [T] or [T, *shape of the population]",
                where=f"{where}, CurrentDrive.values",
                value=values.shape,
                limit=("T", *shape),
            )
        whole_steps(dt if self.every is None else self.every, dt, f"{where}, CurrentDrive.every", minimum=1)
        whole_steps(self.start, dt, f"{where}, CurrentDrive.start")


class StepCurrent(Drive):
    """A constant current from ``start`` to ``stop`` (exclusive): a NEST ``dc_generator``.

    Attributes:
        amplitude: A, or the unit of the model's current; a number or an array of the population's shape.
        start, stop: s, multiples of dt; ``stop`` may be infinite.
    """

    CURRENT: ClassVar[bool] = True

    amplitude: Value = parameter(unit="A")
    start: float = parameter(default=0.0, unit="s", minimum=0.0)
    stop: float = parameter(default=float("inf"), unit="s", minimum=0.0, infinite=True)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
        check_interval(self.start, self.stop, dt, f"{where}, {type(self).__name__}")


def check_interval(start: float, stop: float, dt: float, where: str) -> None:
    """Raise if two times are off the grid, or in the wrong order."""
    if whole_steps(stop, dt, f"{where}.stop") < whole_steps(start, dt, f"{where}.start"):
        raise DescriptionError("ends before it begins", where=where, value=stop, limit=f">= {start:g} s")
