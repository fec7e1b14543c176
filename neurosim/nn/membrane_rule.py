"""What the step of a membrane does besides its coefficients, and what neurons are left with after it.

Operators (`neurosim.nn.ops`) take these, whichever kernel they pick, and so does the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from neurosim.errors import DataError, ShapeError
from neurosim.neurons.options import RefractoryInput

__all__ = ["AdaptiveState", "MembraneRule", "MembraneState", "check_state"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MembraneRule:
    """What a layer's step does besides its coefficients.

    Attributes:
        refractory: steps for which a neuron is held after a spike, int32 ``[n]``.
        subtract: whether a spike lowers v by the threshold; else v is set to the reset.
        exceeded: whether a spike needs v > threshold; else v >= threshold.
        held_input: what happens to v while a neuron is held.
        spiking: False for a readout, whose output is v.
        synaptic: whether there is a synaptic current; else synapses make v jump.
    """

    refractory: NDArray[np.int32]
    subtract: bool = False
    exceeded: bool = False
    held_input: RefractoryInput = RefractoryInput.DROP
    spiking: bool = True
    synaptic: bool = False

    @property
    def holds(self) -> bool:
        """Whether any neuron has a refractory period."""
        return bool(self.refractory.any())

    @property
    def options(self) -> tuple[bool, bool, int]:
        """subtract, exceeded, held_input, as kernels take them."""
        return self.subtract, self.exceeded, int(self.held_input)


class MembraneState(NamedTuple):
    """What neurons are left with after a step, ``[B, n]`` each.

    Attributes:
        v: potential.
        i: synaptic current; None where synapses make v jump.
        held: steps for which a neuron is still held, int32; None where there is no refractory period.
    """

    v: Tensor
    i: Tensor | None = None
    held: Tensor | None = None


class AdaptiveState(NamedTuple):
    """What neurons are left with after a step, ``[B, n]`` each.

    Attributes:
        v: potential.
        theta: what is added to the threshold.
        held: steps for which a neuron is still held, int32; None where there is no refractory period.
    """

    v: Tensor
    theta: Tensor
    held: Tensor | None = None


def check_state(x: Tensor, table: Tensor, rows: int, refractory: NDArray[np.int32], state: Any) -> None:
    """Raise unless shapes and types fit: x ``[T, B, n]``, table ``[rows, n]``, state ``[B, n]`` each."""
    if x.ndim != 3:
        raise ShapeError("arrivals have the wrong shape", value=tuple(x.shape), limit="[T, B, n]")
    if tuple(table.shape) != (rows, x.shape[2]) or refractory.shape != (x.shape[2],):
        raise ShapeError("coefficients do not fit", value=tuple(table.shape), limit=f"[{rows}, {x.shape[2]}]")
    for name, part in zip(state._fields, state, strict=True):
        if part is not None and part.shape != x.shape[1:]:
            raise ShapeError(
                "a state does not fit", where=name, value=tuple(part.shape), limit=tuple(x.shape[1:])
            )
        if part is not None and name != "held" and part.dtype != x.dtype:
            raise DataError("a state has another type", where=name, value=str(part.dtype), limit=str(x.dtype))
    if table.dtype != x.dtype:
        raise DataError("coefficients have another type", value=str(table.dtype), limit=str(x.dtype))
