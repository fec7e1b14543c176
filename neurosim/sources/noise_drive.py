"""White noise onto every neuron of a population."""

from __future__ import annotations

from neurosim.parameters import Value, parameter
from neurosim.sources.drive import Drive, check_shapes

__all__ = ["NoiseDrive"]


class NoiseDrive(Drive):
    r"""Gaussian white noise that arrives at a receptor, independent for every neuron.

    In every step a neuron receives ``mean dt + std sqrt(dt) xi`` with xi standard normal: the Euler-Maruyama increment
    of mean + std eta(t). With ``mean = rate weight`` and ``std = weight sqrt(rate)`` it is the diffusion approximation
    of `PoissonDrive`. Below threshold, a `LIF` then has the stationary moments (a = exp(-dt/tau_membrane))

    .. math:: \langle v \rangle = v_\mathrm{rest} + R I + \frac{mean\,dt}{1 - a}, \quad
              \mathrm{std}(v) = std \sqrt{\frac{dt}{1 - a^2}} \approx std \sqrt{\tau_m / 2}

    On the current of a `CurrentLIF` the same noise makes an Ornstein-Uhlenbeck current with time constant
    ``tau_synapse``. Arrivals may be negative; conductances made by such noise can be so too.

    Attributes:
        mean: in the unit of the receptor's weights per second.
        std: in the unit of the receptor's weights per square root of a second.
    """

    mean: Value = parameter(default=0.0)
    std: Value = parameter(minimum=0.0)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
