"""From a legal, retimed plan to a network in device numbers: programs, shifts, raw weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.spinnaker.quantise.activity import (
    calibrated_activity,
    calibration_spikes,
    safe_activity,
)
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram, program
from neurosim.hardware.spinnaker.quantise.plasticity import pair_rules
from neurosim.hardware.spinnaker.quantise.quantised_projection import HeldWeights, quantise
from neurosim.loss_report import Loss
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.target import SpiNNaker

__all__ = ["QuantisedPlan", "from_plan"]


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedPlan:
    """A plan in device numbers.

    ``programs``: what became of each population; ``weights``: projection of the plan -> the weight of each of its
    synapses on the machine, in the network's unit, computed when it is looked at; ``losses``: what rounding did;
    ``spikes``: of inputs and populations in the calibration sample, in machine time, if there was one;
    ``units``: plastic device projection -> its name in the plan, and the weight of one raw unit.
    """

    network: DeviceNetwork
    programs: Mapping[str, NeuronProgram]
    weights: Mapping[str, NDArray[np.float64]]
    losses: tuple[Loss, ...]
    units: Mapping[str, tuple[str, float]]
    spikes: Mapping[str, Spikes] | None = None


def from_plan(
    plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes] | None, target: SpiNNaker
) -> QuantisedPlan:
    """Choose words and shifts, and round the weights.

    A projection with weights of both signs becomes two, one a receptor, and a synapse whose weight rounds to zero none.
    Cores hold as many atoms as the target allows at most; mapping may choose fewer.

    Raises:
        CapacityError: values that do not fit the machine.
        UnsupportedError: a parameter that it has no counterpart for.
    """
    spikes = None if calibration is None else calibration_spikes(plan, lag, calibration)
    bounds = None if spikes is None else calibrated_activity(plan, spikes)
    programs = {
        name: program(p, plan.dt, bounds[name] if bounds else safe_activity(plan, p), lag.get(name, 0))
        for name, p in plan.populations.items()
    }
    losses = [loss for p in programs.values() for loss in p.losses]
    rules, learning, lost = pair_rules(plan, programs, lag)
    units: dict[str, tuple[str, float]] = {}
    losses += lost
    projections: list[DeviceProjection] = []
    for p in plan.projections:
        quantised = quantise(p, programs[p.post])
        projections += quantised.parts
        units.update({part.name: (p.name, learning[p.name]) for part in quantised.parts if part.plastic})
        losses += quantised.losses

    sending = {p.pre for p in projections}
    populations = {
        name: DevicePopulation(
            name=name,
            size=plan.size_of(name),
            atoms=min(plan.size_of(name), target.limits["table_neurons"] // 2 + 1),
        )
        for name in plan.inputs
        if name in sending
    }
    for name, population in plan.populations.items():
        q = programs[name]
        populations[name] = DevicePopulation(
            name=name,
            size=population.size,
            atoms=target.atoms_per_core,
            model=q.model,
            neuron=q.neuron,
            inputs=q.inputs,
            threshold=q.threshold,
            synapse=q.synapse,
            shifts=q.shifts,
            rule=rules.get(name),
        )
    network = DeviceNetwork(populations=populations, projections=tuple(projections))
    return QuantisedPlan(
        network=network,
        programs=programs,
        weights=HeldWeights.of({p.name: (p, programs[p.post]) for p in plan.projections}),
        losses=tuple(losses),
        units=units,
        spikes=spikes,
    )
