"""How far the numbers on the chip are from those that were described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, held_weights
from neurosim.hardware.loihi.quantise.required_registers import demand_of

__all__ = ["PopulationRounding", "ProjectionRounding", "population_roundings", "projection_roundings"]


@dataclass(frozen=True, kw_only=True)
class PopulationRounding:
    """Rounding of a population's numbers; each error is that of the worst neuron.

    Attributes:
        scale: register values in a unit of the potential.
        threshold: largest, in register values; None for a readout.
        current_decay, potential_decay: errors of what a step keeps of them.
        threshold_error: relative to the threshold; a potential that just reaches it counts as the smallest that spikes.
        bias_error: of a step, as a share of the threshold (of the scale's unit for a readout).
    """

    population: str
    neurons: int
    scale: float
    threshold: int | None
    current_decay: float
    potential_decay: float
    threshold_error: float
    bias_error: float


@dataclass(frozen=True, kw_only=True)
class ProjectionRounding:
    """Rounding of a projection's weights, in the network's unit.

    Attributes:
        exponents: those that occur.
        unit: the smallest difference of two stored weights (of the finest exponent).
        largest: the largest absolute error. relative: root mean square of the errors over that of the weights.
        zeroed: share of the weights that are not zero and became zero.
    """

    projection: str
    synapses: int
    exponents: tuple[int, ...]
    unit: float
    largest: float
    relative: float
    zeroed: float


def population_roundings(plan: Plan, quantised: QuantisedNetwork) -> Iterator[PopulationRounding]:
    """A row for each population."""
    for name, population in plan.populations.items():
        demand, q = demand_of(population, plan.dt), quantised.populations[name]
        keep_u, keep_v = q.decays
        bias = q.bias / q.scale - demand.drive
        unit = 1.0 if demand.threshold is None else demand.threshold
        yield PopulationRounding(
            population=name,
            neurons=population.size,
            scale=float(q.scale),
            threshold=None if demand.threshold is None else int(q.threshold.max()) << 6,
            current_decay=_worst(keep_u - demand.keep_u),
            potential_decay=_worst(keep_v - demand.keep_v),
            threshold_error=0.0 if demand.threshold is None else q.threshold_error,
            bias_error=_worst(bias / unit),
        )


def projection_roundings(plan: Plan, quantised: QuantisedNetwork) -> Iterator[ProjectionRounding]:
    """A row for each projection with synapses."""
    held = held_weights(plan, quantised)
    for p in plan.projections:
        if not p.n_synapses:
            continue
        wanted, kept = p.weight.astype(np.float64), held[p.name]
        off, power = kept - wanted, float(np.sqrt(np.mean(wanted**2)))
        s, q = quantised.synapses[p.name], quantised.populations[p.post]
        used = tuple(np.unique(s.exponent[s.weight != 0]).tolist())
        gain = float(np.abs(q.gain).max()) or 1.0
        some = np.count_nonzero(wanted)
        yield ProjectionRounding(
            projection=p.name,
            synapses=p.n_synapses,
            exponents=used,
            unit=2.0 ** (6 + min(used, default=0)) / float(q.scale) / gain,
            largest=_worst(off),
            relative=float(np.sqrt(np.mean(off**2))) / power if power else 0.0,
            zeroed=np.count_nonzero((wanted != 0) & (kept == 0)) / some if some else 0.0,
        )


def _worst(error: NDArray[np.float64]) -> float:
    return float(np.max(np.abs(error), initial=0.0))
