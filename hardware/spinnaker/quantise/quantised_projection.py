"""Synapses with the weights that the machine holds, and how far these are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection
from neurosim.errors import CapacityError
from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram
from neurosim.hardware.spinnaker.quantise.receptors import receptors_of
from neurosim.loss_report import Loss, LossKind

__all__ = ["QuantisedProjection", "quantise", "round_weights", "stored"]

_LARGEST_RAW = 0xFFFF


@dataclass(frozen=True, eq=False)
class QuantisedProjection:
    """Synapses of a projection as the machine holds them; those whose weight rounds to zero are gone.

    ``source``, ``target``: neurons of the populations; ``raw``: magnitudes; ``receptor``: 0 excitatory, 1
    inhibitory.
    """

    name: str
    pre: str
    post: str
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    raw: NDArray[np.int64]
    receptor: NDArray[np.int64]
    delay: NDArray[np.int64]


def stored(
    weight: NDArray[Any], receptor: NDArray[np.int64], factor: NDArray[np.float64], shifts: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Magnitudes, and the weights they stand for, of weights at receptors that meet ``factor`` and ``shifts``."""
    of_one = 2.0 ** (15 - np.array(shifts))  # raw weight of a device weight of one
    unit = factor * of_one[receptor]
    raw = np.rint(np.abs(weight.astype(np.float64)) * unit).astype(np.int64)
    return raw, np.asarray(np.where(weight < 0, -raw, raw) / unit)


def round_weights(weight: NDArray[Any], factor: NDArray[np.float64], shifts: tuple[int, int]) -> NDArray[Any]:
    """What the weights that `stored` makes stand for; float64 of any shape, and little work."""
    excitatory, inhibitory = (factor * 2.0 ** (15 - shift) for shift in shifts)
    unit = excitatory if shifts[0] == shifts[1] else np.where(weight < 0, inhibitory, excitatory)
    held = weight * unit
    np.rint(held, out=held)
    held /= unit
    return held


def quantise(
    p: PlanProjection, post: NeuronProgram
) -> tuple[QuantisedProjection, NDArray[np.float64], list[Loss]]:
    """Round the weights of a projection to the unit of their receptor.

    Returns:
        The synapses, the weight that each synapse of the plan has on the machine, and what was lost.

    Raises:
        CapacityError: a weight needs more than 16 bits.
    """
    receptor = receptors_of(p, post.split)
    raw, held = stored(p.weight, receptor, post.factors[receptor, p.target], post.shifts)
    where = f"projection {p.name!r}"
    if np.any(raw > _LARGEST_RAW):
        raise CapacityError(
            "a weight needs more than 16 bits",
            where=where,
            value=float(np.abs(p.weight).max()),
            limit=_LARGEST_RAW,
        )
    losses = rounding_loss(where, p.weight, held)
    kept = raw > 0 if p.plasticity is None else np.ones(len(raw), bool)  # a plastic one may grow
    if not kept.all():
        what = f"{np.count_nonzero(~kept)} of {len(raw)} weights round to zero; share"
        losses.append(Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=float(np.mean(~kept))))
    columns = (
        p.pre_index.astype(np.int64),
        p.target.astype(np.int64),
        raw,
        receptor,
        p.delay.astype(np.int64),
    )
    return QuantisedProjection(p.name, p.pre, p.post, *(c[kept] for c in columns)), held, losses
