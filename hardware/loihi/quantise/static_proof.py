"""What can be proved of a rounded network without any input: a population that can no longer spike, or cannot stop.

The potential is bounded by what all synapses that excite deliver at once, in every step: with the part kept a step,
u <= W / (1 - keep_u) and v <= (u + bias) / (1 - keep_v). Neurons spike at most once a step; inputs from the host may
count more, so that any excitation from them is without bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError
from neurosim.hardware.loihi.quantise.quantised_plan import QuantisedNetwork, acting_weights
from neurosim.hardware.loihi.quantise.required_registers import Demand, demand_of
from neurosim.hardware.loihi.quantise.stored_weights import LSB

__all__ = ["check_activity"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_REMEDY = (
    "Bring the weights and the threshold of the population closer together, or split what spans too many magnitudes; "
    "typical inputs as calibration find better numbers"
)


def check_activity(plan: Plan, network: QuantisedNetwork) -> None:
    """Prove what can be proved of each population.

    Raises:
        CapacityError: rounded, no neuron of a population can reach its threshold, though some could; or every neuron
            spikes in every step by its bias alone, though some did not. Names the population.
    """
    for name, population in plan.populations.items():
        q, demand, where = network.populations[name], demand_of(population, plan.dt), f"population {name!r}"
        if demand.threshold is None or not population.size:
            continue
        could = _exact(plan, name, demand, demand.threshold).reachable()
        if could.any() and not _held(plan, name, network).reachable().any():
            zeroed = not any(np.any(network.synapses[p.name].weight > 0) for p in plan.incoming(name))
            cause = (
                "all weights that excite it became zero"
                if zeroed
                else "all its synapses do not reach the threshold"
            )
            raise CapacityError(f"is silent for ever when quantised: {cause}", where=where, remedy=_REMEDY)
        bias, threshold = q.bias, q.threshold * LSB
        if np.all((bias > threshold) & (q.refractory == 1)) and not np.all(demand.drive > demand.threshold):
            raise CapacityError(
                "saturates when quantised: the bias alone makes it spike in every step",
                where=where,
                value=f"bias {int(bias.min())}",
                limit=f"threshold {int(threshold.max())}",
                remedy=_REMEDY,
            )


@dataclass(frozen=True)
class _Bound:
    """What bounds the potential of each neuron, in register values or in network units; float64 [n] each.

    ``excitation``: most that neurons deliver in a step; ``unbounded``: whether inputs can deliver any amount.
    """

    excitation: Floats
    unbounded: Bools
    keep_u: Floats
    keep_v: Floats
    bias: Floats
    u: Floats
    v: Floats
    threshold: Floats

    def reachable(self) -> Bools:
        """Which neurons may exceed their threshold."""
        u, v = np.maximum(self.u, 0.0), np.maximum(self.v, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            steady = np.where(self.excitation > 0, self.excitation / (1.0 - self.keep_u), 0.0)
            drive = np.maximum(np.maximum(steady, u) + self.bias, 0.0)
            highest = np.where(drive > 0, drive / (1.0 - self.keep_v), 0.0)
        return np.asarray(self.unbounded | (np.maximum(highest, v) > self.threshold))


def _held(plan: Plan, name: str, network: QuantisedNetwork) -> _Bound:
    q = network.populations[name]
    acting = {p.name: network.synapses[p.name].acting for p in plan.incoming(name)}
    ints = (x.astype(np.float64) for x in (q.bias, q.u, q.v, q.threshold * LSB))
    return _Bound(*_excitation(plan, name, acting), *q.decays, *ints)


def _exact(plan: Plan, name: str, demand: Demand, threshold: Floats) -> _Bound:
    # the exact potential comes near its bound only after long: a bound just above the threshold promises no spike
    return _Bound(
        *_excitation(plan, name, acting_weights(plan, name, demand)),
        demand.keep_u,
        demand.keep_v,
        demand.drive,
        demand.initial_current * demand.gain,
        demand.initial,
        threshold * 1.001,
    )


def _excitation(plan: Plan, name: str, acting: Mapping[str, Floats]) -> tuple[Floats, Bools]:
    n = plan.size_of(name)
    total, unbounded = np.zeros(n), np.zeros(n, np.bool_)
    for p in plan.incoming(name):
        up = np.bincount(p.target, np.maximum(acting[p.name], 0.0), n)
        if p.pre in plan.inputs:
            unbounded |= up > 0
        else:
            total += up
    return total, unbounded
