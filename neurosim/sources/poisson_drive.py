"""Independent Poisson trains onto every neuron of a population."""

from __future__ import annotations

import numpy as np

from neurosim.errors import DescriptionError
from neurosim.parameters import Value, parameter
from neurosim.sources.drive import Drive, check_shapes

__all__ = ["MOST_ARRIVALS", "PoissonDrive"]

MOST_ARRIVALS = 10_000.0
"""The largest mean number of arrivals per neuron and step."""


class PoissonDrive(Drive):
    """Each neuron gets its own Poisson train, each of whose spikes arrives with ``weight`` in the step it falls into.

    In every step a neuron receives weight N, N ~ Poisson(rate dt), independently of all else: NEST's
    ``poisson_generator`` and Brian2's ``PoissonInput``. K trains of rate r are one of rate K r. Mean and variance of
    the arrivals per second are weight rate and weight^2 rate.

    N is drawn by inversion of one 32-bit uniform per neuron and step: each P(N > k) is off by at most 2^-33, so a rate
    by at most a few times 2^-33/dt (1e-6 Hz at 0.1 ms). Above some hundred arrivals a step N is a sum of several such
    draws.

    Attributes:
        rate: total rate of each neuron's train, Hz; at most 10^4 arrivals a step.
        weight: what a spike adds to the receptor, in the unit of the receptor's weights.
    """

    rate: Value = parameter(unit="Hz", minimum=0.0)
    weight: Value = parameter(default=1.0)

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        check_shapes(self, shape, where)
        if (most := float(np.max(self.rate)) * dt) > MOST_ARRIVALS:
            raise DescriptionError(
                "the rate gives too many arrivals a step",
                where=f"{where}, PoissonDrive.rate",
                value=f"{most:g}",
                limit=f"{MOST_ARRIVALS:g}",
                remedy="Use NoiseDrive(mean=rate*weight, std=weight*sqrt(rate)), which at this rate is the same",
            )
