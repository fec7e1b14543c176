"""How far the weights on the machine are from those that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ShapeError
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST, raw_unit
from neurosim.hardware.spinnaker.quantise.receptors import receptors_of

if TYPE_CHECKING:
    from neurosim.engine.plan import Plan
    from neurosim.hardware.spinnaker.quantise.quantised_plan import QuantisedPlan

__all__ = ["WeightError", "plan_weight_errors", "weight_error"]

_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class WeightError:
    """Rounding of the weights that a projection sends to one receptor, in the unit of the weights.

    Attributes:
        receptor: 0 excitatory, 1 inhibitory.
        unit: what a raw weight of one stands for: ``2**(shift - 15)`` over the scale of weights (largest over neurons).
        largest: the largest absolute error.
        relative: root mean square of the errors over that of the weights.
        zero: share of the non-zero weights that round to zero, so that these synapses do nothing.
        wrapped: weights that need more than 16 bits; the host drops their upper bits without a word.
    """

    projection: str
    receptor: int
    synapses: int
    unit: float
    largest: float
    relative: float
    zero: float
    wrapped: int


def weight_error(
    projection: str, receptor: int, wanted: NDArray[Any], held: NDArray[Any], unit: float
) -> WeightError:
    """Compare the weights of one receptor.

    Args:
        wanted, held: [k] weights as asked for and as the machine holds them; signs do not matter.
        unit: see `WeightError`.

    Raises:
        ShapeError: the two differ in shape.
    """
    if np.shape(wanted) != np.shape(held):
        raise ShapeError(
            "wanted and held weights differ",
            where=f"projection {projection!r}",
            value=np.shape(wanted),
            limit=np.shape(held),
        )
    largest = squares = errors = 0.0
    some = gone = wrapped = 0
    for begin in range(0, len(wanted), _CHUNK):  # so that large projections need little room
        a, b = (np.abs(x[begin : begin + _CHUNK]).astype(np.float64) for x in (wanted, held))
        off = a - b
        largest = max(largest, float(np.abs(off).max(initial=0.0)))
        squares += float(a @ a)
        errors += float(off @ off)
        some += int(np.count_nonzero(a))
        gone += int(np.count_nonzero((a > 0) & (b == 0)))
        wrapped += int(np.count_nonzero(np.rint(a / unit) > LARGEST))
    return WeightError(
        projection=projection,
        receptor=receptor,
        synapses=len(wanted),
        unit=unit,
        largest=largest,
        relative=(errors / squares) ** 0.5 if squares else 0.0,
        zero=gone / some if some else 0.0,
        wrapped=wrapped,
    )


def plan_weight_errors(plan: Plan, quantised: QuantisedPlan) -> list[WeightError]:
    """The errors of all projections of a plan, one a receptor that has synapses, in the network's unit of weights."""
    found = []
    for p in plan.projections:
        program, held = quantised.programs[p.post], quantised.weights[p.name]
        receptor = receptors_of(p, program.split)
        for r in (0, 1):
            here = receptor == r
            if here.any():
                wanted, kept = (p.weight, held) if here.all() else (p.weight[here], held[here])
                unit = raw_unit(program.shifts[r]) / float(program.factors[r].min())
                found.append(weight_error(p.name, r, wanted, kept, unit))
    return found
