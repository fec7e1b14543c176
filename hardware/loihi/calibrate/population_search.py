"""The rounding of one population: candidates on the chip, given the engine's spikes, against the engine's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import Plan
from neurosim.errors import CapacityError
from neurosim.hardware.loihi.calibrate.adjusted_weights import adjust_weights
from neurosim.hardware.loihi.calibrate.given_run import given_plan, given_spikes, run_network
from neurosim.hardware.loihi.calibrate.spike_distance import spike_distance
from neurosim.hardware.loihi.numerics.profiles import Numerics
from neurosim.hardware.loihi.quantise.choice import Choice
from neurosim.hardware.loihi.quantise.quantised_plan import (
    QuantisedNetwork,
    acting_weights,
    device_network,
    held_exactly,
    quantise_population,
)
from neurosim.hardware.loihi.quantise.registers import quantise_registers
from neurosim.hardware.loihi.quantise.required_registers import demand_of
from neurosim.hardware.loihi.quantise.scale import scales_and_errors
from neurosim.hardware.loihi.quantise.stored_weights import WeightForm
from neurosim.hardware.loihi.signs import Signs
from neurosim.spikes import Spikes

__all__ = ["PERCENTILES", "Found", "Searched", "Storage", "mismatch", "search"]

PERCENTILES = (100.0, 95.0, 80.0, 60.0)
"""Percentiles of the weights' magnitudes that are tried as those that share one exponent."""
LEAST_GAIN = 0.05
"""A rounding that is tried has to be better by this share, and by a spike: less is chance."""
_WORK = 3e7
"""Updates and synaptic events of one emulation; of more samples than that takes, the first ones are used."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How a target holds numbers: limits of the chip, signs and width of weights, arithmetic.

    ``exponent``: of all weights, where a file without exponents is to hold the network; else None.
    ``percentiles``: those that are tried.
    """

    limits: Mapping[str, int]
    signs: Signs
    weight_bits: int
    numerics: Numerics
    exponent: int | None = None
    percentiles: tuple[float, ...] = PERCENTILES


@dataclass(frozen=True, eq=False)
class Found:
    """A rounding of a population, `QuantisedNetwork` of it alone, and the mismatch it had."""

    choice: Choice
    quantised: QuantisedNetwork
    score: float
    adjusted: int = 0


@dataclass(frozen=True, eq=False)
class Searched:
    """The nearest rounding of a population, the best one that was found, and how many were emulated."""

    nearest: Found
    best: Found
    tried: int


def mismatch(found: Spikes | NDArray[np.float64], wanted: Spikes | NDArray[np.float64]) -> float:
    """See `PopulationCalibration`."""
    if isinstance(found, Spikes) and isinstance(wanted, Spikes):
        return spike_distance(found.reshape(found.size), wanted.reshape(found.size)) / max(len(wanted), 1)
    f, w = (np.asarray(x, np.float64).reshape(-1) for x in (found, wanted))
    error, power = float(np.sum((f - w) ** 2)), float(np.sum(w**2))
    return math.sqrt(error / power) if power else math.sqrt(error)


class _Trials:
    """Emulates roundings of one population, each once."""

    def __init__(
        self, plan: Plan, name: str, spikes: Mapping[str, Spikes], wanted: Spikes | NDArray[np.float64],
        storage: Storage, steps: int,
    ) -> None:  # fmt: skip
        self.plan, self.name, self.storage, self.steps = given_plan(plan, name), name, storage, steps
        self.demand = demand_of(self.plan.populations[name], plan.dt)
        inputs = given_spikes(plan, name, spikes)
        samples = next((s.samples for s in spikes.values()), 1)
        self.samples = self._affordable(inputs, samples)
        self.inputs = {n: s.select(range(self.samples)) for n, s in inputs.items()}
        self.wanted = (
            wanted.select(range(self.samples)) if isinstance(wanted, Spikes) else wanted[:, : self.samples]
        )
        self.tried = 0
        # sums twice as large as those of the calibration inputs shall not wrap either
        bits = storage.numerics.accumulator_bits
        self.numerics = replace(storage.numerics, accumulator_bits=bits - 1) if bits else storage.numerics
        self.nearest_scale: float | None = None

    def _affordable(self, inputs: Mapping[str, Spikes], samples: int) -> int:
        work = float(samples * self.steps * self.plan.size_of(self.name))
        for p in self.plan.projections:
            fan_out = np.diff(p.row_start)
            s = inputs[p.pre]
            work += float(fan_out[s.neuron].sum())
        return max(1, min(samples, int(samples * _WORK / max(work, 1.0))))

    def quantised(self, choice: Choice) -> QuantisedNetwork:
        storage = self.storage
        population, synapses = quantise_population(
            self.plan,
            self.name,
            storage.limits,
            signs=storage.signs,
            weight_bits=storage.weight_bits,
            choice=choice,
        )
        return QuantisedNetwork({self.name: population}, synapses)

    def score(self, quantised: QuantisedNetwork) -> float:
        self.tried += 1
        network = device_network(self.plan, quantised)
        run = run_network(self.plan, quantised, network, self.storage.numerics, self.inputs, self.steps)
        # a wrapped sum is worse than any rounding
        return mismatch(run.parts[self.name], self.wanted) + run.wraps

    def of(self, choice: Choice) -> Found:
        quantised = self.quantised(choice)
        scale = quantised.populations[self.name].scale
        return Found(replace(choice, scale=scale), quantised, self.score(quantised))

    def better(self, new: float, old: float) -> bool:
        least = 1.0 / max(len(self.wanted), 1) if isinstance(self.wanted, Spikes) else 0.0
        return new < old * (1 - LEAST_GAIN) - least


def search(
    plan: Plan,
    name: str,
    spikes: Mapping[str, Spikes],
    wanted: Spikes | NDArray[np.float64],
    storage: Storage,
    steps: int,
) -> Searched:
    """Try roundings of a population.

    Args:
        plan: retimed; everything is in machine time.
        spikes: of the inputs and populations in the engine.
        wanted: the population's spikes there, or the potentials [T, B, n] of a readout, relative to rest.

    Raises:
        CapacityError: none fits the registers.
    """
    trials = _Trials(plan, name, spikes, wanted, storage, steps)
    nearest, reason = None, None
    try:
        nearest = trials.of(Choice(exponent=storage.exponent))
        q = nearest.quantised
        trials.nearest_scale = q.populations[name].scale
        if held_exactly(q.populations[name], q.synapses.values()) or len(wanted) == 0:
            return Searched(nearest, nearest, trials.tried)
    except CapacityError as error:
        reason = error
    best = nearest
    for choice in _scales(trials):
        try:
            found = trials.of(choice)
        except CapacityError as error:
            reason = reason or error
            continue
        if best is None or trials.better(found.score, best.score):
            best = found
    if best is None:
        raise reason or CapacityError("no rounding fits the registers", where=f"population {name!r}")
    for field in ("threshold", "dv", "du", "bias"):
        best = _stepped(trials, best, field)
    adjusted, moved = adjust_weights(
        trials.plan, name, trials.demand, best.quantised, trials.inputs, trials.wanted, storage.weight_bits
    )
    if moved:
        score = trials.score(adjusted)
        if trials.better(score, best.score):
            best = Found(best.choice, adjusted, score, moved)
    return Searched(nearest or best, best, trials.tried)


def _scales(trials: _Trials) -> Iterator[Choice]:
    """For each percentile the scale that suits the weights, and those that suit the threshold as well."""
    plan, name, demand, storage = trials.plan, trials.name, trials.demand, trials.storage
    acting = acting_weights(plan, name, demand)
    if not any(np.any(w) for w in acting.values()):
        return
    seen = [Choice(exponent=storage.exponent, scale=trials.nearest_scale)]
    for percentile in storage.percentiles if storage.exponent is None else (100.0,):
        form = WeightForm(
            signs=storage.signs,
            exponent_maximum=storage.limits["weight_exponent_maximum"],
            bits=storage.weight_bits,
            percentile=percentile,
            exponent=storage.exponent,
        )
        scales, errors = scales_and_errors(plan.incoming(name), acting, demand, storage.limits, form)
        thresholds = np.array([_threshold_error(trials, s) for s in scales.tolist()])
        indices = (int(np.argmin(errors + part * thresholds**2)) for part in (0.0, 0.1, 1.0))
        for i in dict.fromkeys(indices):
            choice = Choice(percentile=percentile, exponent=storage.exponent, scale=float(scales[i]))
            if choice not in seen:
                seen.append(choice)
                yield choice


def _threshold_error(trials: _Trials, scale: float) -> float:
    try:
        return quantise_registers(trials.name, trials.demand, scale, trials.storage.limits).threshold_error
    except CapacityError:
        return 1.0


def _stepped(trials: _Trials, best: Found, field: str) -> Found:
    """The best with one register a step up or down, as long as that helps."""
    for direction in (1, -1):
        for _ in range(2):
            choice = replace(best.choice, **{field: getattr(best.choice, field) + direction})
            try:
                quantised = trials.quantised(choice)
            except CapacityError:
                break
            if _same_registers(quantised, best.quantised, trials.name):
                break
            score = trials.score(quantised)
            if not trials.better(score, best.score):
                break
            best = Found(choice, quantised, score)
    return best


def _same_registers(a: QuantisedNetwork, b: QuantisedNetwork, name: str) -> bool:
    p, q = a.populations[name], b.populations[name]
    pairs = ((p.threshold, q.threshold), (p.du, q.du), (p.dv, q.dv), (p.bias_mantissa, q.bias_mantissa))
    return all(np.array_equal(x, y) for x, y in pairs)
