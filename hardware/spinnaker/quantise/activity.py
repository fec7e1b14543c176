"""How much arrives at the neurons: what ranges and left shifts are chosen from.

Without a calibration sample the bound is safe: every synapse delivers one spike in the same step, in every step. With
one, the network is simulated on it and twice the largest sums that occurred are taken, but never more than the safe
bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.engine.plan import Plan, PlanPopulation
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.hardware.spinnaker.quantise.receptors import largest_weights, receptors_of, split_of
from neurosim.hardware.spinnaker.quantise.row_chunks import row_chunks
from neurosim.spikes import Spikes

__all__ = ["Activity", "calibrated_activity", "calibration_spikes", "memory_of", "safe_activity"]

Float = NDArray[np.float64]
HEADROOM = 2.0
"""Factor on what occurred in the calibration sample."""


@dataclass(frozen=True, eq=False)
class Activity:
    """Bounds for one population, in the network's unit of weights.

    Attributes:
        arrivals: [2, n] the largest sum of magnitudes of one step, excitatory and inhibitory.
        inputs: [2, n] the largest input: the same, or the largest synaptic current of each receptor.
        weights: [2, n] the largest single weight.
    """

    arrivals: Float
    inputs: Float
    weights: Float


def safe_activity(plan: Plan, population: PlanPopulation) -> Activity:
    """Bounds that no input with at most one spike a channel and step can exceed."""
    arrivals, weights = np.zeros((2, population.size)), np.zeros((2, population.size))
    split = split_of(population.model)
    for p in plan.incoming(population.name):
        for c in row_chunks(p):
            at, w = (receptors_of(c, split), c.target), largest_weights(c)
            np.add.at(arrivals, at, w)
            np.maximum.at(weights, at, w)
    memory = memory_of(population, plan.dt)
    return Activity(arrivals, arrivals / (1.0 - memory), weights)


def memory_of(population: PlanPopulation, dt: float) -> Float:
    """Factor by which the input of a step lasts into the next, [2, n]: excitatory and inhibitory."""
    k = population.model.coefficients(dt)
    both = k.get("decay_synapse", 0.0)
    factors = (k.get(f"decay_{receptor}", both) for receptor in ("excitatory", "inhibitory"))
    rows = [np.broadcast_to(np.asarray(f, np.float64), population.shape).reshape(-1) for f in factors]
    return np.minimum(np.stack(rows), 1 - 1e-6)


def calibration_spikes(
    plan: Plan, lag: Mapping[str, int], calibration: Mapping[str, Spikes]
) -> dict[str, Spikes]:
    """Spikes of all inputs and populations in a sample of inputs, given in network time; the plan is in machine time,
    and so are the spikes."""
    steps = max((s.steps for s in calibration.values()), default=0)
    total = steps + max(lag.values(), default=0)
    inputs = {n: s.resize(steps).resize(total).shift(lag.get(n, 0)) for n, s in calibration.items()}
    spiking = {name: Record("spikes") for name, p in plan.populations.items() if p.model.SPIKES}
    recording = simulate(plan, inputs, total * plan.dt, record=spiking) if spiking else {}
    found = {name: recording[name].spikes for name in spiking}
    return {**inputs, **{name: s for name, s in found.items() if s is not None}}


def calibrated_activity(plan: Plan, trains: Mapping[str, Spikes]) -> dict[str, Activity]:
    """Bounds of all populations from the spikes of a sample, see `calibration_spikes`."""
    total = max((s.steps for s in trains.values()), default=0)
    samples = max((s.samples for s in trains.values()), default=1)
    bounds = {}
    for name, population in plan.populations.items():
        safe = safe_activity(plan, population)
        largest_arrivals, largest_inputs = np.zeros((2, population.size)), np.zeros((2, population.size))
        memory, split = memory_of(population, plan.dt), split_of(population.model)
        incoming = [(p, largest_weights(p), receptors_of(p, split)) for p in plan.incoming(name)]
        for b in range(samples):
            sums = np.zeros((total, 2, population.size))
            for p, weight, receptor in incoming:
                train = trains.get(p.pre)
                if train is not None:
                    chosen = slice(*np.searchsorted(train.sample, [b, b + 1]))
                    count = train.counts_of_cells()[chosen]
                    count.flags.writeable = False  # as the rest of the train: the kernel is compiled once
                    _arrivals(
                        train.step[chosen],
                        train.neuron[chosen],
                        count,
                        p.row_start,
                        p.target,
                        weight,
                        receptor,
                        np.ascontiguousarray(p.delay),
                        sums,
                    )
            np.maximum(largest_arrivals, sums.max(axis=0, initial=0.0), out=largest_arrivals)
            _filter(sums, memory)
            np.maximum(largest_inputs, sums.max(axis=0, initial=0.0), out=largest_inputs)
        # a population that stayed silent in the sample says nothing; neurons stand in for each other
        seen = largest_arrivals.max(axis=1, keepdims=True)
        bound = np.where(seen > 0, np.maximum(HEADROOM * seen, safe.weights), safe.arrivals)
        reach = np.where(seen > 0, HEADROOM * largest_inputs.max(axis=1, keepdims=True), safe.inputs)
        reach = np.maximum(reach, bound)
        if np.all(
            largest_arrivals <= safe.arrivals * (1 + 1e-9)
        ):  # else several spikes of a channel came at once
            bound, reach = np.minimum(bound, safe.arrivals), np.minimum(reach, safe.inputs)
        bounds[name] = Activity(bound, reach, safe.weights)
    return bounds


def _sum_arrivals(
    step: NDArray[np.int32],
    neuron: NDArray[np.int32],
    count: NDArray[np.int32],
    row_start: NDArray[np.int64],
    target: NDArray[np.int32],
    weight: Float,
    receptor: NDArray[np.int64],
    delay: NDArray[np.int32],
    sums: Float,
) -> None:
    """Add the magnitudes of all arrivals of one projection to sums [T, 2, n]."""
    for s in range(len(step)):
        for k in range(row_start[neuron[s]], row_start[neuron[s] + 1]):
            at = step[s] + delay[k]
            if at < len(sums):
                sums[at, receptor[k], target[k]] += weight[k] * count[s]


_arrivals = njit(cache=True)(_sum_arrivals)


def _filter(sums: Float, memory: Float) -> None:
    """Turn arrivals into synaptic currents, in place."""
    if memory.any():
        for t in range(1, len(sums)):
            sums[t] += memory * sums[t - 1]
