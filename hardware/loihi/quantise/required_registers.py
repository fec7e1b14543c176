"""What a population asks of the registers of a compartment, before any number is rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.neurons import CurrentLIF, IntegrateAndFire, SpikeWhen

__all__ = ["Demand", "demand_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A population in network units, potentials relative to rest; arrays [n].

    Attributes:
        keep_u, keep_v: what a step leaves of the synaptic current (0 without one) and of the potential.
        gain: what a unit of synaptic current does to the potential within a step (k of `CurrentLIF`, else 1).
        drive: what the external current adds to the potential in a step.
        threshold: None for populations that cannot spike.
        exceeded: whether the threshold has to be exceeded, not just reached.
        refractory: steps.
        initial, initial_current: potential and synaptic current at the start.
        offset: the resting potential.
    """

    keep_u: Floats
    keep_v: Floats
    gain: Floats
    drive: Floats
    threshold: Floats | None
    exceeded: bool
    refractory: Ints
    initial: Floats
    initial_current: Floats
    offset: float


def demand_of(population: PlanPopulation, dt: float) -> Demand:
    """What the model of a population asks for.

    Raises:
        UnsupportedError: a reset value other than rest, resting potentials that differ, a threshold at or below rest.
    """
    model, n, where = population.model, population.size, f"population {population.name!r}"
    c, start = model.coefficients(dt), model.initial(dt)

    def spread(x: Any) -> Floats:
        return np.broadcast_to(np.asarray(x, dtype=np.float64).reshape(-1), n).copy()

    # without a leak there is no rest: any reset value can be the zero of the register
    rest = spread(c["v_reset"] if isinstance(model, IntegrateAndFire) else c["v_rest"])
    if np.ptp(rest) > 0:
        raise UnsupportedError(
            "resting potentials differ within the population",
            where=where,
            value=f"{rest.min():g} to {rest.max():g}",
            remedy="Shift potentials so that all neurons rest at the same one",
        )
    threshold = None
    if "threshold" in c:
        if np.any(spread(c["v_reset"]) != rest):
            raise UnsupportedError(
                "resets to another potential than rest; the chip resets to zero, which has to be rest",
                where=where,
                value=f"v_reset {spread(c['v_reset'])[0]:g}",
                limit=f"v_rest {rest[0]:g}",
                remedy="Set v_reset = v_rest, or compile for another target",
            )
        threshold = spread(c["threshold"]) - rest
        if np.any(threshold <= 0):
            raise UnsupportedError(
                "the threshold is not above the resting potential",
                where=where,
                value=float(threshold.min() + rest[0]),
                limit=f"> {rest[0]:g}",
            )
    current = isinstance(model, CurrentLIF)
    return Demand(
        keep_u=spread(c["decay_synapse"]) if current else np.zeros(n),
        keep_v=spread(c["decay"]),
        gain=spread(c["gain"]) if current else np.ones(n),
        drive=spread(c["drive"]),
        threshold=threshold,
        exceeded=getattr(model, "spike_when", SpikeWhen.REACHED) == SpikeWhen.EXCEEDED,
        refractory=spread(c.get("refractory_steps", 0.0)).astype(np.int64),
        initial=spread(start["v"]) - rest,
        initial_current=spread(start.get("i", 0.0)),
        offset=float(rest[0]),
    )
