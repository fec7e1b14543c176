"""The words of a neuron program, and what all programs share: thresholds, left shifts, what rounding costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanPopulation
from neurosim.errors import CapacityError, UnsupportedError
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE
from neurosim.hardware.spinnaker.numerics.derived_constants import CoreModel, Words
from neurosim.hardware.spinnaker.numerics.ring_buffer import raw_unit
from neurosim.hardware.spinnaker.quantise.activity import Activity
from neurosim.hardware.spinnaker.quantise.decay import synapse_tau_word
from neurosim.hardware.spinnaker.quantise.potential_scale import largest
from neurosim.hardware.spinnaker.quantise.receptors import Receptors
from neurosim.loss_report import Loss, LossKind
from neurosim.neurons import SpikeWhen

__all__ = [
    "NEVER",
    "USELESS",
    "NeuronProgram",
    "by_neuron",
    "check_potentials",
    "decay_losses",
    "left_shifts",
    "sticking_losses",
    "synapse_columns",
    "threshold_words",
]

Float = NDArray[np.float64]
NEVER = 2**31 - 1
"""A threshold that is not reached."""
_STICKS, USELESS = 1e-3, 0.1
"""Potentials that come to rest so far from v_rest, relative to the way to the threshold, are reported, and refused."""
_LARGEST_SHIFT = 15


@dataclass(frozen=True, eq=False)
class NeuronProgram:
    """Parameter words of n neurons, and what the host has to know.

    ``neuron`` [n, 9], ``inputs`` [n, k], ``threshold`` [n], ``synapse`` [n, 2 or 5] as `derived_constants.derive` takes
    them; ``factors`` [2, n]: device weight of an arriving weight of one, at either receptor; ``shifts``: left shift of
    both receptors; ``states``: variable -> (scale, offset); ``split``: which synapses act on which receptor.
    """

    model: CoreModel
    neuron: Words
    inputs: Words
    threshold: Words
    synapse: Words
    factors: Float
    shifts: tuple[int, int]
    states: dict[str, tuple[float, float]]
    losses: tuple[Loss, ...] = ()
    derived: dict[str, Float] = field(default_factory=dict)
    split: Receptors = Receptors.BY_SIGN

    @property
    def factor(self) -> Float:
        """Device weight of an excitatory weight of one, [n]."""
        return np.asarray(self.factors[0])


def by_neuron(population: PlanPopulation, values: Mapping[str, object]) -> dict[str, Float]:
    """Numbers of a population by name, [n] each."""
    return {
        name: np.array(np.broadcast_to(np.asarray(value, np.float64), population.shape).reshape(-1))
        for name, value in values.items()
    }


def check_potentials(where: str, v_reset: Float, v_init: Float, threshold: Float, lag: int) -> None:
    """Refuse what fires without end: a core tests the threshold in every step.

    Raises:
        UnsupportedError: a reset or, where the population waits for its first step, an initial potential too high.
    """
    if np.any(v_reset >= threshold):
        raise UnsupportedError(
            "the reset potential is not below the threshold: such a neuron fires in every step on SpiNNaker, "
            "also while refractory",
            where=where,
            value=float(v_reset.max()),
            limit=f"< {float(threshold.min()):g}",
            remedy="Lower v_reset",
        )
    if lag and np.any(v_init >= threshold):
        raise UnsupportedError(
            "the initial potential is not below the threshold: a neuron that waits for its first step would fire",
            where=where,
            value=float(v_init.max()),
            limit=f"< {float(threshold.min()):g}",
            remedy="Lower v_init, or use delays of at least dt on the way to this population",
        )


def threshold_words(threshold: Float, when: object, lifted: Float) -> Words:
    """Threshold words: the smallest word that counts as reached, or as exceeded.

    A jump to it is never rounded down, but may come out ``lifted`` units higher; exceeding starts above that.
    """
    words = threshold * ONE
    near = np.rint(words)
    exact = np.abs(words - near) < 1e-6 * np.maximum(1.0, np.abs(near) * 2**-20)
    if when is SpikeWhen.EXCEEDED:
        return (np.where(exact, near, np.floor(words)) + 1 + lifted).astype(np.int64)
    return np.where(exact, near, np.ceil(words)).astype(np.int64)


def left_shifts(factors: Float, activity: Activity, where: str) -> tuple[int, int]:
    """The smallest left shifts whose 16-bit cells hold the largest sums and the largest single weight.

    Raises:
        CapacityError: a weight that needs more than 16 bits at the largest shift.
    """
    shifts = []
    for factor, arrivals, weights in zip(factors, activity.arrivals, activity.weights, strict=True):
        need = largest(factor * np.maximum(arrivals * (1 + 2**-8), weights))
        shift = 0 if need <= 0 else max(0, math.ceil(math.log2(need * ONE / 65535.0)))
        raw = largest(factor * weights) / raw_unit(_LARGEST_SHIFT)
        if shift > _LARGEST_SHIFT and raw > 65535:
            raise CapacityError(
                "a weight does not fit s16.15 together with the membrane's range",
                where=where,
                value=largest(weights),
                limit=f"{largest(weights) * 65535 / raw:g}",
                remedy="Use smaller weights in relation to the threshold",
            )
        shifts.append(min(shift, _LARGEST_SHIFT))
    return shifts[0], shifts[1]


def decay_losses(where: str, what: str, wanted: Float, got: Float) -> list[Loss]:
    """How far the leak of a step, 1 - factor, is off."""
    error = largest(np.abs(got - wanted) / np.maximum(1.0 - wanted, 1e-12))
    if error < 1e-9:
        return []
    return [
        Loss(
            kind=LossKind.ROUNDED,
            where=where,
            what=f"{what} decay rounded, relative error of the leak",
            amount=error,
        )
    ]


def sticking_losses(where: str, amount: float) -> list[Loss]:
    """That potentials come to rest ``amount`` above v_rest, relative to the threshold, unless it is very little."""
    what = "potentials come to rest above v_rest, relative to the threshold (calibration makes them finer)"
    return [Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=amount)] if amount > _STICKS else []


def synapse_columns(memory: Float, where: str) -> tuple[Words, Float, Float]:
    """Words of tau_syn, the derived decay factors and the scales of an arriving weight, for decay factors of any shape.

    Raises:
        UnsupportedError: a factor that the machine cannot come near.
    """
    different, at = np.unique(memory, return_inverse=True)
    words = [synapse_tau_word(f, where) for f in different.tolist()]
    tau, kept, arriving = (np.array(column)[at.reshape(memory.shape)] for column in zip(*words, strict=True))
    return tau, kept, arriving
