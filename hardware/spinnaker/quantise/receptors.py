"""Which receptor of the machine a synapse acts on, and how strong it can get.

The machine has two receptors, excitatory (0) and inhibitory (1); weights are magnitudes there, and the receptor says
what they do. A network's models have one receptor with weights of both signs, or two of their own.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection
from neurosim.errors import UnsupportedError
from neurosim.hardware.spinnaker.device_network import RECEPTORS
from neurosim.neurons import ConductanceLIF, DualCurrentLIF
from neurosim.neurons.model import NeuronModel
from neurosim.plasticity import MirroredSTDP

__all__ = ["Receptors", "largest_weights", "receptors_of", "split_of"]


class Receptors(Enum):
    """How synapses of a population are divided between the two receptors."""

    BY_SIGN = "the sign of the weight decides"
    BY_NAME_AND_SIGN = (
        "the projection's receptor decides; weights are positive there if excitatory, else negative"
    )
    BY_NAME = "the projection's receptor decides; weights are positive"


def split_of(model: NeuronModel) -> Receptors:
    """How a model's synapses are divided. Two currents of one time constant are one, so that their signs may mix."""
    if isinstance(model, ConductanceLIF):
        return Receptors.BY_NAME
    if isinstance(model, DualCurrentLIF) and np.any(
        np.asarray(model.tau_excitatory) != np.asarray(model.tau_inhibitory)
    ):
        return Receptors.BY_NAME_AND_SIGN
    return Receptors.BY_SIGN


def receptors_of(p: PlanProjection, split: Receptors) -> NDArray[np.int64]:
    """The receptor of every synapse, int64 [n_syn].

    Raises:
        UnsupportedError: a weight whose sign its receptor does not have on the machine.
    """
    negative = p.weight < 0
    if split is Receptors.BY_SIGN:
        if p.plasticity is not None:  # a plastic one keeps its sign, and may still be zero
            return np.full(p.n_synapses, isinstance(p.plasticity, MirroredSTDP), np.int64)
        return negative.astype(np.int64)
    inhibits = split is Receptors.BY_NAME_AND_SIGN and p.receptor == 1
    wrong = p.weight > 0 if inhibits else negative
    if np.any(wrong):
        raise UnsupportedError(
            f"weights of the receptor {RECEPTORS[p.receptor]!r} are magnitudes on SpiNNaker, and this has another sign",
            where=f"projection {p.name!r}",
            value=float(p.weight[wrong][0]),
            limit="<= 0" if inhibits else ">= 0",
            remedy="Give its magnitude: what inhibits does so by its reversal potential"
            if split is Receptors.BY_NAME
            else f"Connect it to the receptor {RECEPTORS[1 - p.receptor]!r}",
        )
    return np.full(p.n_synapses, p.receptor, np.int64)


def largest_weights(p: PlanProjection) -> NDArray[np.float64]:
    """The largest magnitude that the weight of every synapse can have, float64 [n_syn]."""
    given = np.abs(p.weight).astype(np.float64)
    if p.plasticity is None:
        return given
    bound = max(abs(p.plasticity.w_min), abs(p.plasticity.w_max))
    return np.maximum(given, bound) if np.isfinite(bound) else given
