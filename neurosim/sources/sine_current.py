"""An injected sinusoidal current."""

from __future__ import annotations

from typing import ClassVar

from neurosim.parameters import Value, parameter
from neurosim.sources.current_drive import check_interval
from neurosim.sources.drive import Drive, check_shapes

__all__ = ["SineCurrent"]


class SineCurrent(Drive):
    """In step k, from ``start`` to ``stop``: offset + amplitude sin(2 pi frequency k dt + phase); otherwise 0.

    A NEST ``ac_generator``, which takes the phase in degrees.

    Attributes:
        amplitude, offset: A, or the unit of the model's current.
        frequency: Hz.
        phase: radians at the beginning of the network's life.
        start, stop: s, multiples of dt; ``stop`` may be infinite.
    """

    CURRENT: ClassVar[bool] = True

    amplitude: Value = parameter(unit="A")
    frequency: Value = parameter(unit="Hz", minimum=0.0)
    phase: Value = parameter(default=0.0, unit="rad")
    offset: Value = parameter(default=0.0, unit="A")
    start: float = parameter(default=0.0, unit="s", minimum=0.0)
    stop: float = parameter(default=float("inf"), unit="s", minimum=0.0, infinite=True)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
        check_interval(self.start, self.stop, dt, f"{where}, SineCurrent")
