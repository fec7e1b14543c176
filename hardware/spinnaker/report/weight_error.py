"""How far the weights on the machine are from those that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ShapeError
from neurosim.hardware.spinnaker.numerics.ring_buffer import LARGEST

__all__ = ["WeightError", "weight_error"]


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
    a, b = np.abs(np.asarray(wanted, np.float64)), np.abs(np.asarray(held, np.float64))
    if a.shape != b.shape:
        raise ShapeError(
            "wanted and held weights differ",
            where=f"projection {projection!r}",
            value=a.shape,
            limit=b.shape,
        )
    error, size = a - b, float(np.sqrt(np.sum(a * a)))
    some = a > 0
    return WeightError(
        projection=projection,
        receptor=receptor,
        synapses=a.size,
        unit=unit,
        largest=float(np.abs(error).max(initial=0.0)),
        relative=float(np.sqrt(np.sum(error * error)) / size) if size else 0.0,
        zero=float(np.count_nonzero(some & (b == 0))) / max(1.0, float(np.count_nonzero(some))),
        wrapped=int(np.count_nonzero(np.rint(a / unit) > LARGEST)),
    )
