"""A whole plan in register values, and what the rounding lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.hardware.loihi.device_network import DeviceNetwork, DeviceProjection
from neurosim.hardware.loihi.quantise.choice import Choice
from neurosim.hardware.loihi.quantise.registers import QuantisedPopulation, quantise_registers
from neurosim.hardware.loihi.quantise.required_registers import Demand, demand_of
from neurosim.hardware.loihi.quantise.scale import choose_scale
from neurosim.hardware.loihi.quantise.stored_weights import (
    LSB,
    QuantisedSynapses,
    WeightForm,
    quantise_synapses,
)
from neurosim.hardware.loihi.signs import Signs
from neurosim.loss_report import Loss, LossKind

__all__ = [
    "HELD_EXACTLY",
    "QuantisedNetwork",
    "acting_weights",
    "device_network",
    "held_exactly",
    "held_weights",
    "losses_of",
    "quantise_network",
    "quantise_population",
]

HELD_EXACTLY = 1e-6
"""Relative errors below this are those of float32 weights themselves and are not reported."""
_SAME = 1e-12
"""Differences below this are those of the description's own arithmetic."""


@dataclass(frozen=True)
class QuantisedNetwork:
    """Register values by population, stored weights by projection (in the plan's order of synapses)."""

    populations: Mapping[str, QuantisedPopulation]
    synapses: Mapping[str, QuantisedSynapses]


def quantise_network(
    plan: Plan,
    limits: Mapping[str, int],
    *,
    signs: Signs,
    weight_bits: int = 8,
    exponent: int | None = None,
) -> QuantisedNetwork:
    """Quantise every population with the projections that end at it to the nearest register values.

    Args:
        exponent: of all weights, or None to choose.

    Raises:
        UnsupportedError, CapacityError: a number that no register holds; names the population.
    """
    populations, synapses, choice = {}, {}, Choice(exponent=exponent)
    for name in plan.populations:
        population, mine = quantise_population(
            plan, name, limits, signs=signs, weight_bits=weight_bits, choice=choice
        )
        populations[name] = population
        synapses.update(mine)
    return QuantisedNetwork(populations, synapses)


def quantise_population(
    plan: Plan,
    name: str,
    limits: Mapping[str, int],
    *,
    signs: Signs,
    weight_bits: int = 8,
    choice: Choice,
) -> tuple[QuantisedPopulation, dict[str, QuantisedSynapses]]:
    """One population, and the projections that end at it by name.

    Raises:
        UnsupportedError, CapacityError: a number that no register holds.
    """
    demand = demand_of(plan.populations[name], plan.dt)
    acting = acting_weights(plan, name, demand)
    form = WeightForm(
        signs=signs,
        exponent_maximum=limits["weight_exponent_maximum"],
        bits=weight_bits,
        percentile=choice.percentile,
        exponent=choice.exponent,
    )
    scale = choice.scale
    if scale is None:
        scale = choose_scale(plan.incoming(name), acting, demand, limits, form)
    population = quantise_registers(name, demand, scale, limits, choice)
    synapses = {projection: quantise_synapses(w, scale, form) for projection, w in acting.items()}
    return population, synapses


def acting_weights(plan: Plan, name: str, demand: Demand) -> dict[str, NDArray[np.float64]]:
    """What the synapses of each projection onto a population do to its potential, in network units."""
    return {p.name: p.weight.astype(np.float64) * demand.gain[p.target] for p in plan.incoming(name)}


def held_exactly(population: QuantisedPopulation, synapses: Iterable[QuantisedSynapses]) -> bool:
    """Whether rounding lost nothing, as after training on the grid: no other register values can be nearer."""
    weights = all(s.error <= HELD_EXACTLY for s in synapses)
    # states are whole numbers, and without a leak multiples of 64: any threshold between two of them is exact
    steps = population.bias % LSB + population.v % LSB + population.dv
    off = population.threshold_error * float(population.threshold.max(initial=0)) * LSB
    threshold = off < 1.0 or not population.spiking or not np.any(steps)
    bias = population.bias_error * population.scale <= HELD_EXACTLY
    return weights and threshold and bias and population.decay_error <= _SAME


def device_network(plan: Plan, network: QuantisedNetwork) -> DeviceNetwork:
    """The numbers of the chip alone: what mapping starts from."""
    projections = []
    for p in plan.projections:
        s = network.synapses[p.name]
        projections.append(
            DeviceProjection(
                name=p.name,
                pre=p.pre,
                post=p.post,
                row_start=p.row_start.astype(np.int64),
                target=p.target.astype(np.int64),
                weight=s.weight,
                exponent=s.exponent,
                mode=s.mode,
                delay=p.delay.astype(np.int64) - 1,
            )
        )
    return DeviceNetwork(
        inputs={name: plan.size_of(name) for name in plan.inputs},
        populations=network.populations,
        projections=tuple(projections),
    )


def held_weights(plan: Plan, network: QuantisedNetwork) -> dict[str, NDArray[np.float64]]:
    """What the stored weights stand for in the network's units, one number a synapse, by projection."""
    held = {}
    for p in plan.projections:
        s, q = network.synapses[p.name], network.populations[p.post]
        acting = s.acting / q.scale
        gain = q.gain[p.target]
        held[p.name] = np.divide(acting, gain, out=np.zeros_like(acting), where=gain != 0)
    return held


def losses_of(network: QuantisedNetwork) -> Iterator[Loss]:
    """What rounding lost, part by part; parts that are held exactly are left out."""
    for name, s in network.synapses.items():
        if s.error > HELD_EXACTLY:
            zeroed = f", {s.zeroed} of {len(s.weight)} became zero" if s.zeroed else ""
            yield Loss(
                kind=LossKind.ROUNDED,
                where=f"projection {name!r}",
                what=f"weights rounded, rms error relative to rms weight{zeroed}",
                amount=s.error,
            )
    for name, p in network.populations.items():
        where = f"population {name!r}"
        if p.decay_error > _SAME:
            what = "decay factors rounded to 12 bits, largest difference"
            yield Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=p.decay_error)
        if p.spiking and p.threshold_error > HELD_EXACTLY:
            what = "threshold rounded to a multiple of 64, relative to the threshold"
            yield Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=p.threshold_error)
        if p.bias_error > _SAME:
            what = "bias rounded, largest difference per step"
            yield Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=p.bias_error)
