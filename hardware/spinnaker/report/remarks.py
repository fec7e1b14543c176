"""What a reader of the report should look at first, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurosim.hardware.spinnaker.device_network import RECEPTORS
from neurosim.hardware.spinnaker.report.headroom import CYCLES

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport

__all__ = ["remarks"]

_TIGHT = 0.95
_ALWAYS_FULL = ("boards", "neurons of a core", "delay slots")
_VANISHED = 0.01
_ROUNDED = 0.01
_OFTEN = 0.01  # cells a second


def remarks(report: SpiNNakerReport) -> tuple[str, ...]:
    """Whatever is nearly full, lost or bound to overflow; empty where there is nothing of the kind."""
    return (*_limits(report), *_weights(report), *_cells(report))


def _limits(report: SpiNNakerReport) -> Iterator[str]:
    for h in report.headroom:
        if h.limit == CYCLES and h.share > _TIGHT:
            yield (
                f"The work of core {h.where} is estimated to take {h.share:.1f} of its step, on average: packets would "
                "come late. Use fewer neurons a core, or let a step take longer."
            )
        elif h.share > _TIGHT and h.limit not in _ALWAYS_FULL:
            yield f"{h.limit}: {h.used:,.0f} of {h.most:,.0f} ({h.where or 'the machine'})."


def _weights(report: SpiNNakerReport) -> Iterator[str]:
    for w in report.weights:
        where = f"Projection {w.projection!r}, {RECEPTORS[w.receptor]}"
        if w.wrapped:
            most = 65535 * w.unit
            yield f"{where}: {w.wrapped} weights wrap around to small ones; the largest that fits is {most:.4g}."
        if w.zero > _VANISHED:
            yield f"{where}: {w.zero:.1%} of the weights round to zero; the smallest that does not is {w.unit / 2:.3g}."
        elif w.relative > _ROUNDED and not w.wrapped:
            yield f"{where}: rounding changes the weights by {w.relative:.1%} (root mean square)."


def _cells(report: SpiNNakerReport) -> Iterator[str]:
    counted = {(s.population, s.receptor) for s in report.sampled}
    for s in report.sampled:
        if s.cells:
            yield (
                f"Population {s.population!r}: the given spikes overfill {s.cells} {RECEPTORS[s.receptor]} cells of "
                f"{s.neurons} neurons in {s.steps} steps."
            )
    for c in report.cells:
        who = f"Population {c.population!r}, {RECEPTORS[c.receptor]}"
        if c.expected >= _OFTEN and (c.population, c.receptor) not in counted:
            yield (
                f"{who}: {c.expected:.3g} cells a second would saturate at {report.rate:g} spikes a second of every "
                f"source; {c.fewest} spikes at once are enough."
            )
        if c.wraps:
            yield f"{who}: the synaptic value of {c.wraps} neurons could wrap around (up to {c.value:.4g} of 65536)."
