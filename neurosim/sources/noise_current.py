"""An injected noisy current."""

from __future__ import annotations

from typing import ClassVar

from neurosim.parameters import Value, parameter
from neurosim.sources.current_drive import check_interval
from neurosim.sources.drive import Drive, check_shapes
from neurosim.sources.time_grid import whole_steps

__all__ = ["NoiseCurrent"]


class NoiseCurrent(Drive):
    r"""A Gaussian current, held for ``every``, independent for every neuron: a NEST ``noise_generator``.

    In step k, from ``start`` to ``stop``: mean + std xi, with a standard normal xi for each neuron and each value of
    floor(k dt/every); otherwise 0. Held for one step, it gives a `LIF` below threshold the stationary moments
    (a = exp(-dt/tau_membrane))

    .. math:: \langle v \rangle = v_\mathrm{rest} + R\,(I + mean), \quad
              \mathrm{std}(v) = R\,std \sqrt{\frac{1 - a}{1 + a}} \approx R\,std \sqrt{\frac{dt}{2 \tau_m}}

    so what it does depends on ``every``; for noise that does not, see `NoiseDrive`.

    Attributes:
        mean, std: A, or the unit of the model's current.
        every: how long a value lasts, s (a multiple of dt); None is one step.
        start, stop: s, multiples of dt; ``stop`` may be infinite.
    """

    CURRENT: ClassVar[bool] = True

    mean: Value = parameter(default=0.0, unit="A")
    std: Value = parameter(unit="A", minimum=0.0)
    every: float | None = parameter(default=None, unit="s", above=0.0)
    start: float = parameter(default=0.0, unit="s", minimum=0.0)
    stop: float = parameter(default=float("inf"), unit="s", minimum=0.0, infinite=True)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
        whole_steps(dt if self.every is None else self.every, dt, f"{where}, NoiseCurrent.every", minimum=1)
        check_interval(self.start, self.stop, dt, f"{where}, NoiseCurrent")
