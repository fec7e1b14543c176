"""What a reader of the report should look at first, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.hardware.loihi.report.loihi_report import LoihiReport

__all__ = ["remarks"]

_MOST = 4
_TIGHT = 0.95
_VANISHED = 0.01
_ROUNDED = 0.05
_COARSE = 0.01
_OFF = 0.2


def remarks(report: LoihiReport) -> tuple[str, ...]:
    """Whatever is nearly full, lost or off; empty where there is nothing of the kind."""
    return tuple(
        text for part in (_limits, _zeroed, _rounded, _effects) for text in _first(list(part(report)))
    )


def _first(texts: list[str]) -> list[str]:
    more = len(texts) - _MOST
    return [*texts[:_MOST], f"... and {more} more of that kind."] if more > 0 else texts


def _limits(report: LoihiReport) -> Iterator[str]:
    for h in report.headroom:
        if h.limit == "cores" and h.share > _TIGHT:
            yield f"{h.used} of {h.most} cores are in use."
    for p in report.populations:
        if p.threshold_error > _COARSE:
            yield (
                f"Population {p.population!r}: the threshold is off by {p.threshold_error:.1%}: its weights "
                "leave it few steps of 64. Bring the largest weight and the threshold closer together."
            )


def _zeroed(report: LoihiReport) -> Iterator[str]:
    for p in sorted(report.projections, key=lambda p: -p.zeroed):
        if p.zeroed > _VANISHED:
            yield f"Projection {p.projection!r}: {p.zeroed:.1%} of the weights round to zero (unit {p.unit:.3g})."


def _rounded(report: LoihiReport) -> Iterator[str]:
    for p in sorted(report.projections, key=lambda p: -p.relative):
        if p.relative > _ROUNDED and p.zeroed <= _VANISHED:
            yield f"Projection {p.projection!r}: rounding changes the weights by {p.relative:.1%} (root mean square)."


def _effects(report: LoihiReport) -> Iterator[str]:
    for e in report.effects:
        who = f"Population {e.population!r}"
        if e.float_spikes and not e.chip_spikes:
            yield f"{who} is silent on the chip; the float engine has {e.float_spikes} spikes."
        elif e.counts > _OFF:
            yield f"{who}: spike counts differ by {e.counts:.0%} from those of the float engine."
        if e.wraps:
            yield f"{who}: a register wraps {e.wraps} times."
        if e.saturations:
            yield f"{who}: the potential saturates {e.saturations} times."
