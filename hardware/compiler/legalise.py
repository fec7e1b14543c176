"""Pass 1: find the options a network uses and hold them against what the target supports."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurosim.engine.plan import Plan, PlanPopulation
from neurosim.errors import UnsupportedError
from neurosim.hardware.target import Feature, SupportKind, Target
from neurosim.loss_report import Loss, LossKind, LossReport
from neurosim.neurons import (
    LIF,
    ConductanceLIF,
    CurrentLIF,
    Discretisation,
    DualCurrentLIF,
    IntegrateAndFire,
    LeakyIntegrator,
    RefractoryInput,
    Reset,
    ResetTiming,
    SpikeWhen,
)

__all__ = ["features", "legalise"]

_MODEL = {
    LIF: Feature.LIF,
    CurrentLIF: Feature.CURRENT_LIF,
    DualCurrentLIF: Feature.DUAL_CURRENT_LIF,
    ConductanceLIF: Feature.CONDUCTANCE_LIF,
    IntegrateAndFire: Feature.INTEGRATE_AND_FIRE,
    LeakyIntegrator: Feature.LEAKY_INTEGRATOR,
}
_NAMED = {Feature.OTHER_MODEL, Feature.DUAL_CURRENT_LIF, Feature.CONDUCTANCE_LIF, Feature.RECEPTORS}
"""Features that are reported with the model's name."""


def features(plan: Plan) -> Iterator[tuple[Feature, str]]:
    """Every feature that the plan uses, with the part that uses it."""
    for population in plan.populations.values():
        where = f"population {population.name!r}"
        for feature in _population_features(population):
            yield feature, f"{where} ({type(population.model).__name__})" if feature in _NAMED else where
    for name in plan.sources:
        yield Feature.SOURCE, f"input {name!r}"
    for drive in plan.drives:
        yield Feature.DRIVE, f"drive {drive.name!r} of population {drive.population!r}"
    for p in plan.projections:
        where = f"projection {p.name!r}"
        yield Feature.DIMENSIONLESS, where
        if p.plasticity is not None:
            yield Feature.PLASTICITY, where
        if p.n_synapses and p.min_delay == 0:
            yield Feature.ZERO_DELAY, where
        if p.max_delay > p.min_delay:
            yield Feature.SYNAPTIC_DELAY, where


def _population_features(population: PlanPopulation) -> Iterator[Feature]:
    model = population.model
    values = vars(model)
    yield _MODEL.get(type(model), Feature.OTHER_MODEL)
    if len(model.RECEPTORS) > 1:
        yield Feature.RECEPTORS
    if any(isinstance(v, np.ndarray) and (v != v.flat[0]).any() for v in values.values()):
        yield Feature.HETEROGENEOUS
    rest = values.get("v_rest", 0.0)
    start = values.get("v_init")
    currents = [v for name, v in values.items() if name.endswith("_init") and name != "v_init"]
    if (start is not None and np.any(np.asarray(start) != rest)) or any(
        np.any(np.asarray(v) != 0) for v in currents
    ):
        yield Feature.INITIAL_STATE
    if np.any(np.asarray(values.get("current", 0.0)) != 0):
        yield Feature.CURRENT
    if values.get("discretisation") is Discretisation.EULER:
        yield Feature.EULER
    if values.get("discretisation") is Discretisation.EXPONENTIAL_EULER:
        yield Feature.EXPONENTIAL_EULER
    if not model.SPIKES:
        return
    reached = values.get("spike_when") is SpikeWhen.REACHED
    yield Feature.SPIKE_WHEN_REACHED if reached else Feature.SPIKE_WHEN_EXCEEDED
    if values.get("reset") is Reset.BY_SUBTRACTION:
        yield Feature.RESET_BY_SUBTRACTION
    elif values.get("reset") is Reset.NONE:
        yield Feature.RESET_NONE
    else:
        yield Feature.RESET_TO_VALUE
        if np.any(np.asarray(values.get("v_reset", 0.0)) != rest):
            yield Feature.RESET_NOT_AT_REST
    if values.get("reset_timing") is ResetTiming.NEXT_STEP:
        yield Feature.RESET_NEXT_STEP
    if np.any(np.asarray(values.get("refractory", 0.0)) > 0):
        yield Feature.REFRACTORY
        if values.get("refractory_input") is RefractoryInput.KEEP:
            yield Feature.REFRACTORY_KEEP
        if values.get("refractory_input") is RefractoryInput.INTEGRATE:
            yield Feature.REFRACTORY_INTEGRATE


def legalise(plan: Plan, target: Target) -> LossReport:
    """The approximations this target will make. Raises `UnsupportedError` for the first feature it refuses."""
    losses = []
    for feature, where in features(plan):
        support = target.support.get(feature)
        if support is None or support.kind is SupportKind.REFUSED:
            raise UnsupportedError(
                f"{target.name} cannot do this: {feature.value}",
                where=where,
                remedy=support.note
                if support and support.note
                else "Change the network or choose another target",
            )
        if support.kind is SupportKind.APPROXIMATED:
            losses.append(
                Loss(kind=LossKind.APPROXIMATED, where=where, what=f"{feature.value}: {support.note}")
            )
    return LossReport(losses)
