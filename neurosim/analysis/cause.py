"""Why two runs part at one neuron: device events first, then losses of compiling, then the membrane potential.

The difference of the two membrane potentials before the runs part tells kinds of causes apart. It *drifts* when both
integrate the same arrivals with other numbers (rounded weights or decays); it *jumps* when an arrival is missing, moved
or of another size (clipped delay or weight, dropped spike); it is *zero* when the step itself differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.loss_report import Loss, LossKind

__all__ = ["Cause", "CauseKind", "Trace", "explain"]

JUMP = 0.1
"""A difference that grows by more than this share of the trace's range in one step is a jump. Rounding a weight to
8 bits changes one arrival by less than 1 % of the largest, a missing arrival by all of it."""


LARGEST_ERROR = 3.0
"""An error reported by its root mean square is expected to stay within this many of them. An approximated weight, like
a rounded one, makes an arrival of another size."""


class EventLike(Protocol):
    """A device event of a recording."""

    @property
    def kind(self) -> str: ...
    @property
    def population(self) -> str: ...
    @property
    def sample(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def neuron(self) -> int: ...


class CauseKind(Enum):
    """What made two runs part."""

    SATURATION = "saturation"
    WRAP = "wrap"
    DROPPED_SPIKE = "dropped spike"
    DELAY_CLIP = "delay clip"
    WEIGHT_CLIP = "weight clip"
    ROUNDING = "rounding"
    QUANTISATION = "quantisation"
    APPROXIMATION = "approximation"
    STARTUP = "start-up"
    ARRIVAL = "arrival"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One variable of one neuron in both runs before they part: recorded ``steps`` and the values ``a`` and ``b``."""

    variable: str
    steps: NDArray[np.int64]
    a: NDArray[np.float64]
    b: NDArray[np.float64]

    @property
    def deviation(self) -> float:
        """Largest absolute difference."""
        return float(np.max(np.abs(self.a - self.b), initial=0.0))

    @property
    def jump(self) -> float:
        """Largest change of the difference from one recorded step to the next."""
        return float(np.max(np.abs(np.diff(self.a - self.b, prepend=0.0)), initial=0.0))

    @property
    def range(self) -> float:
        """Largest minus smallest value of either run."""
        both = np.concatenate([self.a, self.b])
        return float(np.max(both, initial=-np.inf) - np.min(both, initial=np.inf)) if both.size else 0.0

    def to_json(self) -> dict[str, Any]:
        """The last 64 recorded steps before the runs part."""
        return {
            "variable": self.variable,
            "steps": self.steps[-64:].tolist(),
            "a": self.a[-64:].tolist(),
            "b": self.b[-64:].tolist(),
        }


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The likeliest cause and what it was read from."""

    kind: CauseKind
    evidence: str
    trace: Trace | None = None

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.evidence}"

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        trace = None if self.trace is None else self.trace.to_json()
        return {"kind": self.kind.value, "evidence": self.evidence, "trace": trace}


_EVENT = {
    "saturation": CauseKind.SATURATION,
    "wrap": CauseKind.WRAP,
    "late": CauseKind.DROPPED_SPIKE,
}


def explain(
    *,
    population: str,
    sample: int,
    step: int,
    neuron: int,
    events: Sequence[EventLike] = (),
    losses: Sequence[Loss] = (),
    trace: Trace | None = None,
    compared: Sequence[str] = (),
) -> Cause:
    """The cause of a divergence at one neuron and step.

    Args:
        events: device events of either run.
        losses: losses of compiling; those that name the population or a projection into it count.
        trace: membrane potential of the neuron in both runs before ``step``.
        compared: populations whose spikes agree before ``step``, this one included: an event at another of their
            neurons changed no spike, so it cannot have led here. Events elsewhere may have.
    """
    event = _event(population, sample, step, neuron, events, compared)
    if event is not None:
        return Cause(kind=event.kind, evidence=event.evidence, trace=trace)
    into = [loss for loss in losses if _concerns(loss.where, population)]
    found = _from_trace(trace, into) if trace is not None and len(trace.steps) else _from_losses(into)
    return Cause(kind=found.kind, evidence=found.evidence, trace=trace)


def _event(
    population: str, sample: int, step: int, neuron: int, events: Sequence[EventLike], compared: Sequence[str]
) -> Cause | None:
    before = [e for e in events if e.sample == sample and e.step <= step and e.kind in _EVENT]
    here = [e for e in before if e.population == population and e.neuron in (neuron, -1)]
    unseen = [e for e in before if e.population not in (*compared, population)]
    for candidates, said in ((here, "this neuron"), (unseen, None)):
        if candidates:
            e = max(candidates, key=lambda event: event.step)
            place = said or f"neuron {e.neuron} of population {e.population!r}"
            count = f", {len(candidates)} such events up to here" if len(candidates) > 1 else ""
            return Cause(
                kind=_EVENT[e.kind],
                evidence=f"the device reported {e.kind} at {place} in step {e.step}{count}",
            )
    return None


def _concerns(where: str, population: str) -> bool:
    # Losses name things as "population 'hidden'" or "projection 'in->hidden'" or "projection 'in->hidden#2'".
    name = where.split("'")[1] if where.count("'") >= 2 else where
    target = name.split("->")[-1].split("#")[0]
    return population in (name, target)


def _from_trace(trace: Trace, losses: Sequence[Loss]) -> Cause:
    seen = f"{trace.variable} differs by at most {trace.deviation:.3g} before"
    if trace.deviation > 0 and trace.jump <= _explained_jump(losses) * trace.range:
        gradual = [loss for loss in losses if loss.kind in (LossKind.APPROXIMATED, LossKind.ROUNDED)]
        named = min(gradual, key=_severity, default=None)
        amount = f": {named.amount:.2g}" if named and named.amount is not None else ""
        why = f" ({named.what}{amount})" if named else ""
        kind = _kind_of_loss(named) if named else CauseKind.QUANTISATION
        how = "growing gradually" if trace.jump <= JUMP * trace.range else "as such an error makes it"
        return Cause(kind=kind, evidence=f"{seen}, {how}{why}")
    moved = _from_losses(losses)
    if trace.deviation > 0:
        if moved.kind in (CauseKind.UNKNOWN, CauseKind.QUANTISATION, CauseKind.APPROXIMATION):
            text = f"{seen}, with a jump of {trace.jump:.3g}: an arrival is missing, moved or of another size"
            return Cause(kind=CauseKind.ARRIVAL, evidence=text)
        return Cause(kind=moved.kind, evidence=f"{moved.evidence}; {seen}, with a jump of {trace.jump:.3g}")
    if moved.kind is CauseKind.UNKNOWN:
        text = f"{trace.variable} agrees exactly until the step itself: its arrivals or its arithmetic differ"
        return Cause(kind=CauseKind.UNKNOWN, evidence=text)
    return Cause(kind=moved.kind, evidence=f"{moved.evidence}; {trace.variable} agrees exactly before")


def _explained_jump(losses: Sequence[Loss]) -> float:
    """The largest jump, as a share of the trace's range, that rounded and approximated numbers explain."""
    approximated = [loss.amount or 0.0 for loss in losses if loss.kind is LossKind.APPROXIMATED]
    return max(JUMP, min(0.5, LARGEST_ERROR * max(approximated, default=0.0)))


def _kind_of_loss(loss: Loss) -> CauseKind:
    of_delay = "delay" in loss.what.lower()
    if loss.kind is LossKind.CLIPPED:
        return CauseKind.DELAY_CLIP if of_delay else CauseKind.WEIGHT_CLIP
    if loss.kind is LossKind.DROPPED:
        return CauseKind.DROPPED_SPIKE
    if loss.kind is LossKind.STARTUP:
        return CauseKind.STARTUP
    if loss.kind is LossKind.APPROXIMATED:
        return CauseKind.APPROXIMATION
    return CauseKind.ROUNDING if of_delay else CauseKind.QUANTISATION


_SEVERITY = (
    CauseKind.DELAY_CLIP,
    CauseKind.WEIGHT_CLIP,
    CauseKind.DROPPED_SPIKE,
    CauseKind.STARTUP,
    CauseKind.ROUNDING,
    CauseKind.APPROXIMATION,
    CauseKind.QUANTISATION,
)


def _severity(loss: Loss) -> tuple[int, float]:
    """Sorts losses: what moves or drops an arrival first; among equals the largest amount."""
    return _SEVERITY.index(_kind_of_loss(loss)), -(loss.amount or 0.0)


def _from_losses(losses: Sequence[Loss]) -> Cause:
    loss = min(losses, key=_severity, default=None)
    if loss is None:
        return Cause(
            kind=CauseKind.UNKNOWN,
            evidence="no device event and no loss explains it; record the membrane potential in both runs to tell",
        )
    return Cause(
        kind=_kind_of_loss(loss),
        evidence=f"compiling reported {loss.kind.value} at {loss.where}: {loss.what}",
    )
