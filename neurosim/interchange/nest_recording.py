"""What a run in NEST leaves, and the recording made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.recording import PopulationRecording, Recording
from neurosim.interchange.run_request import RunRequest, spikes_of

__all__ = ["NestPart", "recording_of"]

Index = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NestPart:
    """What one process holds of one sample: events of the neurons that live in it.

    Attributes:
        spikes: population -> (steps, neurons); steps before or after the run may be among them.
        traces: (population, variable) -> (rows of the recording, neurons, values).
        weights: plastic projection -> (synapses in the order of the plan, final weights); those that are in no part
            kept their weight.
    """

    spikes: Mapping[str, tuple[Index, Index]]
    traces: Mapping[tuple[str, str], tuple[Index, Index, Values]]
    weights: Mapping[str, tuple[Index, Values]]


def recording_of(request: RunRequest, samples: Sequence[Sequence[NestPart]]) -> Recording:
    """The recording of a run from the parts of each of its samples."""
    populations = {}
    for name, r in request.wanted.items():
        p = request.plan.populations[name]
        spikes = None
        if "spikes" in r.kept:
            each = [(s, *part.spikes[name]) for s, parts in enumerate(samples) for part in parts]
            sample = np.concatenate([np.zeros(0, np.int64)] + [np.full(len(step), s) for s, step, _ in each])
            step = np.concatenate([np.zeros(0, np.int64)] + [step for _, step, _ in each])
            neuron = np.concatenate([np.zeros(0, np.int64)] + [neuron for _, _, neuron in each])
            spikes = spikes_of(p, request, sample, step, neuron)
        variables = {}
        for variable in r.states:
            rows = -(-request.steps // r.stride(request.plan.dt))
            values = np.full((rows, request.samples, p.size), np.nan)
            for s, parts in enumerate(samples):
                for part in parts:
                    row, neuron, value = part.traces[name, variable]
                    inside = row < rows
                    values[row[inside], s, neuron[inside]] = value[inside]
            variables[variable] = (
                values.reshape(rows, request.samples, *p.shape)
                if r.neurons is None
                else values[:, :, list(r.neurons)]
            )
        populations[name] = PopulationRecording.of_kept(r, spikes, variables, r.stride(request.plan.dt))
    weights = {}
    for projection in request.plan.projections:
        if projection.plasticity is not None:
            final = np.tile(projection.weight.astype(np.float64), (request.samples, 1))
            for s, parts in enumerate(samples):
                for part in parts:
                    index, weight = part.weights[projection.name]
                    final[s, index] = weight
            weights[projection.name] = final
    return Recording(populations, request.plan.dt, request.steps, request.samples, weights=weights)
