"""Populations of a compiled network run again on their own, with some of the chip's roundings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.device_network import DeviceNetwork
from neurosim.hardware.loihi.numerics.arithmetic import STATE_MAX
from neurosim.hardware.loihi.numerics.profiles import Numerics
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork
from neurosim.hardware.loihi.report.arrivals import (
    Delivery,
    Trains,
    arrivals,
    chip_deliveries,
    float_deliveries,
)
from neurosim.hardware.loihi.report.replay import replay
from neurosim.hardware.loihi.report.roundings import Rounding, numbers_of

__all__ = ["PopulationReplay"]

Floats = NDArray[np.float64]


@dataclass(eq=False)
class PopulationReplay:
    """A network in both forms: as described (retimed), and in the numbers of the chip."""

    plan: Plan
    quantised: QuantisedNetwork
    network: DeviceNetwork
    numerics: Numerics
    _deliveries: dict[tuple[str, bool], list[Delivery]] = field(default_factory=dict, init=False)

    def arrivals(
        self, population: str, sent: Trains, steps: int, neurons: slice | Sequence[int], *, rounded: bool
    ) -> Floats:
        """Sums of arrivals [T, neurons] in register units, with the weights of the chip or those described."""
        if (population, rounded) not in self._deliveries:
            self._deliveries[population, rounded] = (
                chip_deliveries(self.network, population)
                if rounded
                else float_deliveries(self.plan, self.quantised, population)
            )
        size = self.network.populations[population].size
        return arrivals(self._deliveries[population, rounded], sent, steps, neurons, size)

    def run(
        self,
        population: str,
        arrived: Floats,
        neurons: slice | Sequence[int],
        rounded: Collection[Rounding],
        agreed: NDArray[np.int8] | None = None,
    ) -> tuple[NDArray[np.uint8], Floats]:
        """See `replay`; ``arrived`` are the arrivals of these neurons."""
        numbers = numbers_of(
            self.plan.populations[population],
            self.quantised.populations[population],
            self.network.populations[population],
            self.plan.dt,
            rounded,
        )
        here: dict[str, Any] = {
            name: value[neurons] if isinstance(value, np.ndarray) else value
            for name, value in vars(numbers).items()
        }
        return replay(
            arrived, type(numbers)(**here), self.numerics, rounded, v_max=float(STATE_MAX), agreed=agreed
        )
