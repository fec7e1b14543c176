"""What a run in another simulator starts from: the plan, its inputs as spikes, the steps, and what to record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim import random
from neurosim.engine.inputs import checked_inputs, checked_record, steps_of
from neurosim.engine.lower import lower
from neurosim.engine.plan import Plan, PlanPopulation
from neurosim.engine.recording import Record
from neurosim.errors import DataError, DescriptionError
from neurosim.network import Network
from neurosim.spikes import Spikes

__all__ = ["RunRequest", "requested_run", "spikes_of"]


@dataclass(frozen=True, eq=False)
class RunRequest:
    """A run, checked and drawn.

    Attributes:
        given: the spikes of every input that has any, ``steps`` long: those of the run, or those its source draws.
        wanted: what to record of each population.
    """

    plan: Plan
    given: Mapping[str, Spikes]
    steps: int
    samples: int
    wanted: Mapping[str, Record]
    seed: int


def requested_run(
    net: Network | Plan,
    inputs: Mapping[str, Spikes | ArrayLike] | None,
    duration: float | None,
    record: Mapping[str, Record | str] | None,
    samples: int | None,
    seed: int,
) -> RunRequest:
    """Check what `neurosim.simulate` was given, and draw the sources of inputs that the run leaves out.

    A source draws the same spikes for every engine: they depend on (seed, input, sample, step, neuron) alone.

    Raises:
        DataError, ShapeError, DescriptionError: as `neurosim.simulate` does.
    """
    plan = net if isinstance(net, Plan) else lower(net)
    given = checked_inputs(inputs or {}, plan.inputs, plan.dt)
    steps = steps_of(duration, given, plan.dt)
    number = _samples(given, samples)
    given = {name: spikes.resize(steps) for name, spikes in given.items()}
    for name, source in plan.sources.items():
        if name not in given:
            key = random.key(seed, "source", name)
            given[name] = source.spikes(plan.inputs[name], plan.dt, 0, steps, range(number), key)
    shapes = {name: p.shape for name, p in plan.populations.items()}
    wanted = checked_record(record, plan.outputs or plan.populations, shapes, plan.dt)
    return RunRequest(plan, given, steps, number, wanted, seed)


def _samples(given: Mapping[str, Spikes], asked: int | None) -> int:
    found = next((s.samples for s in given.values()), asked)
    if asked is not None and not (isinstance(asked, (int, np.integer)) and asked >= 0):
        raise DescriptionError("is not a number of samples", where="simulate: samples", value=asked)
    if asked is not None and found != asked:
        raise DataError("inputs and samples differ in the number of samples", value=[found, asked])
    return 1 if found is None else int(found)


def spikes_of(
    population: PlanPopulation,
    request: RunRequest,
    sample: NDArray[np.int64],
    step: NDArray[np.int64],
    neuron: NDArray[np.int64],
) -> Spikes:
    """Spikes of a population, sorted; what lies outside the run is left out."""
    inside = (step >= 0) & (step < request.steps)
    sample, step, neuron = sample[inside], step[inside], neuron[inside]
    order = np.lexsort((neuron, step, sample))
    return Spikes(
        sample[order],
        step[order],
        neuron[order],
        shape=population.shape,
        dt=request.plan.dt,
        steps=request.steps,
        samples=request.samples,
    )
