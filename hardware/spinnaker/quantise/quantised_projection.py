"""Synapses with the weights that the machine holds, and how far these are off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.plan import PlanProjection
from neurosim.errors import CapacityError
from neurosim.hardware.compiler.quantise import RoundingError
from neurosim.hardware.spinnaker.device_network import RECEPTORS, DeviceProjection
from neurosim.hardware.spinnaker.numerics.ring_buffer import raw_unit
from neurosim.hardware.spinnaker.quantise.neuron_program import NeuronProgram
from neurosim.hardware.spinnaker.quantise.receptors import receptors_of
from neurosim.hardware.spinnaker.quantise.row_chunks import row_chunks
from neurosim.loss_report import Loss, LossKind

__all__ = ["HeldWeights", "QuantisedProjection", "held_weights", "quantise", "round_weights", "stored"]

_LARGEST_RAW = 0xFFFF


@dataclass(frozen=True, eq=False)
class QuantisedProjection:
    """A projection of a plan on the machine.

    Attributes:
        parts: one a receptor that has synapses; those whose weight rounds to zero are gone, unless they are plastic.
        losses: what rounding did.
    """

    parts: tuple[DeviceProjection, ...]
    losses: tuple[Loss, ...]


class HeldWeights(Mapping[str, NDArray[np.float64]]):
    """Projection -> the weight of each synapse on the machine, computed whenever it is looked at."""

    def __init__(self, compute: Mapping[str, Callable[[], NDArray[np.float64]]]) -> None:
        self._compute = compute

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._compute[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._compute)

    def __len__(self) -> int:
        return len(self._compute)

    @classmethod
    def of(cls, pairs: Mapping[str, tuple[PlanProjection, NeuronProgram]]) -> HeldWeights:
        """Those of projections onto populations with these programs."""
        return cls({name: partial(held_weights, p, post) for name, (p, post) in pairs.items()})


def stored(
    weight: NDArray[Any], receptor: NDArray[np.int64], factor: NDArray[np.float64], shifts: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Magnitudes, and the weights they stand for, of weights at receptors that meet ``factor`` and ``shifts``."""
    unit = factor / raw_unit(np.array(shifts))[receptor]
    raw = np.rint(np.abs(weight.astype(np.float64)) * unit).astype(np.int64)
    return raw, np.asarray(np.where(weight < 0, -raw, raw) / unit)


def round_weights(weight: NDArray[Any], factor: NDArray[np.float64], shifts: tuple[int, int]) -> NDArray[Any]:
    """What the weights that `stored` makes stand for; float64 of any shape, and little work."""
    excitatory, inhibitory = (factor / raw_unit(shift) for shift in shifts)
    unit = excitatory if shifts[0] == shifts[1] else np.where(weight < 0, inhibitory, excitatory)
    held = weight * unit
    np.rint(held, out=held)
    held /= unit
    return held


def held_weights(p: PlanProjection, post: NeuronProgram) -> NDArray[np.float64]:
    """The weight of every synapse on the machine, in the network's unit and the order of the plan."""
    held = [np.zeros(0)]
    for c in row_chunks(p):
        receptor = receptors_of(c, post.split)
        held.append(stored(c.weight, receptor, post.factors[receptor, c.target], post.shifts)[1])
    return np.concatenate(held)


def quantise(p: PlanProjection, post: NeuronProgram) -> QuantisedProjection:
    """Round the weights of a projection to the unit of their receptor.

    Raises:
        CapacityError: a weight needs more than 16 bits.
    """
    where = f"projection {p.name!r}"
    error, lost, effective = RoundingError(), 0, 0
    parts = (_Columns(), _Columns())
    for c in row_chunks(p):
        receptor = receptors_of(c, post.split)
        raw, held = stored(c.weight, receptor, post.factors[receptor, c.target], post.shifts)
        if np.any(raw > _LARGEST_RAW):
            raise CapacityError(
                "a weight needs more than 16 bits",
                where=where,
                value=f"{float(np.abs(c.weight[np.argmax(raw)])):g}, {int(raw.max())} units",
                limit=f"{_LARGEST_RAW} units",
                remedy=f"A weight of {float(np.abs(c.weight[np.argmax(raw)]) * _LARGEST_RAW / raw.max()):g} would fit",
            )
        error.add(c.weight, held)
        kept = raw > 0 if p.plasticity is None else np.ones(len(raw), bool)  # a plastic one may grow
        effective += int(np.count_nonzero(c.weight))
        lost += int(np.count_nonzero(~kept & (c.weight != 0)))
        for r, part in enumerate(parts):
            part.add(c, raw, kept & (receptor == r))
    losses = error.losses(where)
    if lost == effective > 0:
        what = f"all {lost} weights round to zero: it does nothing. Calibrate with typical inputs"
        losses.append(Loss(kind=LossKind.DROPPED, where=where, what=what))
    elif lost:
        what = f"{lost} of {effective} weights round to zero; share"
        losses.append(Loss(kind=LossKind.ROUNDED, where=where, what=what, amount=lost / effective))
    return QuantisedProjection(
        tuple(part.projection(p, r) for r, part in enumerate(parts) if part.synapses), tuple(losses)
    )


class _Columns:
    """The synapses of one receptor, piece by piece."""

    def __init__(self) -> None:
        self.synapses = 0
        self._counts = [np.zeros(1, np.int64)]
        self._target = [np.zeros(0, np.int32)]
        self._raw = [np.zeros(0, np.uint16)]
        self._delay = [np.zeros(0, np.uint16)]

    def add(self, c: PlanProjection, raw: NDArray[np.int64], here: NDArray[np.bool_]) -> None:
        before = np.zeros(len(here) + 1, np.int64)
        np.cumsum(here, out=before[1:])
        self._counts.append(np.diff(before[c.row_start]))
        self.synapses += int(before[-1])
        if before[-1]:
            self._target.append(c.target[here])
            self._raw.append(raw[here].astype(np.uint16))
            self._delay.append(c.delay[here].astype(np.uint16))

    def projection(self, p: PlanProjection, receptor: int) -> DeviceProjection:
        return DeviceProjection(
            name=f"{p.name} {RECEPTORS[receptor]}",
            pre=p.pre,
            post=p.post,
            receptor=receptor,
            row_start=np.cumsum(np.concatenate(self._counts)),
            target=np.concatenate(self._target),
            raw=np.concatenate(self._raw),
            delay=np.concatenate(self._delay),
            plastic=p.plasticity is not None,
        )
