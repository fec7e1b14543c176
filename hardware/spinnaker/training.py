"""Training on the machine's grid: the rules of compiling for `SpiNNaker`, for ``neurosim.nn.quantise``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.hardware.compiler.held_model import factor_of_rows, held_model, spread
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE
from neurosim.hardware.spinnaker.quantise.activity import Activity, memory_of
from neurosim.hardware.spinnaker.quantise.decay import membrane_words, synapse_tau_word
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram, program
from neurosim.hardware.spinnaker.quantise.quantised_projection import round_weights
from neurosim.hardware.spinnaker.target import SpiNNaker
from neurosim.neurons import SpikeWhen
from neurosim.neurons.model import NeuronModel
from neurosim.nn.protocols import Held

__all__ = ["Quantisation"]

Floats = NDArray[np.float64]
_ROUNDS = 4
"""Rounded weights may move the ranges, once or twice."""


@dataclass(frozen=True)
class Quantisation:
    """Weights, decays, thresholds, currents and delays as compiling for SpiNNaker without calibration rounds them.

    Left shifts are those for the largest sums that can occur. Calibration inputs give finer units, a power of two of
    these, in which neurons with voltage-jump synapses hold the same numbers. What is left between the module and the
    machine is that its states are fixed-point. Implements ``neurosim.nn.protocols.DeviceRules``.

    Attributes:
        target: the machine.
    """

    target: SpiNNaker = field(default_factory=SpiNNaker)

    noise: None = field(default=None, init=False)

    @property
    def minimum_delay(self) -> int:
        """A packet takes a step."""
        return self.target.transport.minimum

    @property
    def max_delay_steps(self) -> int:
        """Longest delay of a synapse in steps; more than 16 leave fewer neurons a core."""
        return int(self.target.limits["delay_slots"])

    def held(
        self, model: NeuronModel, shape: tuple[int, ...], weights: Sequence[Floats], *, dt: float
    ) -> Held:
        """See `neurosim.nn.protocols.DeviceRules.held`.

        Raises:
            UnsupportedError, CapacityError: what compiling refuses, too.
        """
        model = _on_decay_grid(model, shape, dt)
        population = PlanPopulation("trained", shape, model)
        held, before = list(weights), None
        for _ in range(_ROUNDS):
            words = program(population, dt, _activity(held, population, dt))
            if (words.shifts, words.states) == before:
                break
            before = words.shifts, words.states
            held = [round_weights(w, factor_of_rows(words.factor, w), words.shifts) for w in weights]
        return Held(_on_word_grid(model, shape, dt, words), tuple(held))


def _activity(weights: Sequence[Floats], population: PlanPopulation, dt: float) -> Activity:
    """The bounds of `neurosim.hardware.spinnaker.quantise.activity.safe_activity` for dense weights."""
    sums, largest = np.zeros((2, population.size)), np.zeros((2, population.size))
    for weight in weights:
        rows = weight.reshape(len(weight), -1)
        each = population.size // len(rows)  # neurons that share a row
        excited = np.maximum(rows, 0.0).sum(axis=1)
        inhibited = np.maximum(excited - rows.sum(axis=1), 0.0)
        ends = np.maximum(rows.max(axis=1), 0.0), np.maximum(-rows.min(axis=1), 0.0)
        for receptor, (total, end) in enumerate(zip((excited, inhibited), ends, strict=True)):
            sums[receptor] += np.repeat(np.where(end > 0, total, 0.0), each)
            np.maximum(largest[receptor], np.repeat(end, each), out=largest[receptor])
    return Activity(sums, sums / (1.0 - memory_of(population, dt)), largest)


def _on_decay_grid(model: NeuronModel, shape: tuple[int, ...], dt: float) -> NeuronModel:
    c, n = model.coefficients(dt), int(np.prod(shape))
    different, at = np.unique(spread(c["decay"], n), return_inverse=True)
    words = [membrane_words(f, None, "population 'trained'")[2] for f in different.tolist()]
    held = {"decay": np.array(words)[at.reshape(-1)] / ONE}
    if "decay_synapse" in c:
        different, at = np.unique(spread(c["decay_synapse"], n), return_inverse=True)
        kept = [synapse_tau_word(f, "population 'trained'")[1] for f in different.tolist()]
        held["decay_synapse"] = np.array(kept)[at.reshape(-1)]
    return held_model(model, shape, dt, **held)


def _on_word_grid(model: NeuronModel, shape: tuple[int, ...], dt: float, words: NeuronProgram) -> NeuronModel:
    """Potentials and current as held; of a threshold that has to be exceeded, the largest that does the same."""
    scale, offset = words.states["v"]
    parameters, threshold = vars(model), words.threshold
    moved = (1.0 - words.derived["decay"]) * words.derived["resistance"]
    held = {
        "v_init": words.neuron[:, 0] / ONE / scale + offset,
        "v_reset": words.neuron[:, 5] / ONE / scale + offset,
        "drive": words.neuron[:, 4] / ONE * moved / scale,
    }
    if "tau_membrane" in parameters:
        held["v_rest"] = words.neuron[:, 1] / ONE / scale + offset
    if "threshold" in parameters:
        wanted = (spread(parameters["threshold"], len(threshold)) - offset) * scale * ONE
        if parameters.get("spike_when") is SpikeWhen.EXCEEDED:
            threshold = np.floor(wanted + 1e-6)
        held["threshold"] = threshold / ONE / scale + offset
    return held_model(model, shape, dt, **held)
