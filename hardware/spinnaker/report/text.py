"""The report as text: one table a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.hardware.report_tables import Table, amount, table_lines
from neurosim.hardware.spinnaker.report.remarks import remarks
from neurosim.hardware.spinnaker.report.traffic import LINK_NAMES

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport

__all__ = ["columns_of", "notes_of", "text_of"]

RECEPTORS = ("exc", "inh")
_BUSIEST = 8


def columns_of(report: SpiNNakerReport) -> dict[str, Table]:
    """Title -> headings and rows, of every table of the report."""
    r = report
    tables: dict[str, Table] = {
        "Headroom": (
            ("limit", "used", "of", "share", "tightest at"),
            [(h.limit, amount(h.used), amount(h.most), f"{h.share:.1%}", h.where) for h in r.headroom],
        ),
        "Populations": (
            ("population", "program", "neurons", "cores", "atoms", "slots used", "of", "stages", "shift exc", "inh"),
            [
                (p.name, p.program, p.neurons, p.cores, p.atoms, p.slots_used, p.slots, p.stages, *p.shifts)
                for p in r.populations
            ],
        ),
        "Busiest cores": (
            ("core", "place", "neurons", "SDRAM, B", "DTCM, B", "packets a step", "events a step", "of the step"),
            [
                (
                    c.label, f"({c.x}, {c.y}, {c.p})", c.neurons, amount(c.sdram), amount(c.dtcm), f"{c.received:.4g}",
                    f"{c.events:.4g}", f"{c.load:.1%}",
                )
                for c in sorted(r.cores, key=lambda c: -c.load)[:_BUSIEST]
            ],
        ),
        "Weights": (
            ("projection", "receptor", "synapses", "unit", "largest error", "rms", "to zero", "wrapped"),
            [
                (
                    w.projection, RECEPTORS[w.receptor], w.synapses, f"{w.unit:.3g}", f"{w.largest:.3g}",
                    f"{w.relative:.2%}", f"{w.zero:.1%}", w.wrapped,
                )
                for w in r.weights
            ],
        ),
        "Delays": (
            ("projection", "synapses", "shortest", "longest", "slots", "stages", "extended"),
            [
                (d.projection, d.synapses, d.shortest, d.longest, d.slots, d.stages, d.extended)
                for d in r.delays
            ],
        ),
        "Ring-buffer cells": (
            (
                "population", "receptor", "shift", "largest sum", "of", "can saturate", "from synapses",
                "cells a second", "synaptic value", "of", "can wrap",
            ),
            [
                (
                    c.population, RECEPTORS[c.receptor], c.shift, c.largest, 65535, c.neurons, _known(c.fewest),
                    f"{c.expected:.3g}", f"{c.value:.4g}", 65536, c.wraps,
                )
                for c in r.cells
                if c.largest
            ],
        ),
        "Cells with the given spikes": (
            ("population", "receptor", "steps", "saturated cells", "neurons", "largest sum", "of"),
            [
                (s.population, RECEPTORS[s.receptor], s.steps, s.cells, s.neurons, s.largest, 65535)
                for s in r.sampled
                if s.largest
            ],
        ),
        "Busiest links": (
            ("chip", "link", "packets a step", "at most", "senders"),
            [
                (f"({k.x}, {k.y})", LINK_NAMES[k.link], f"{k.packets:.4g}", _known(k.peak), k.senders)
                for k in sorted(r.traffic.links, key=lambda k: -k.packets)[:_BUSIEST]
            ],
        ),
    }  # fmt: skip
    return {title: table for title, table in tables.items() if table[1]}


def notes_of(report: SpiNNakerReport) -> list[str]:
    """What the tables do not say."""
    t, e = report.traffic, report.energy
    slow = report.step / report.dt
    pace = f"{slow:.4g} times slower than real time" if slow > 1.0001 else "in real time"
    if slow < 0.9999:
        pace = f"{1 / slow:.4g} times faster than real time"
    notes = [
        f"A step of {report.dt * 1e3:g} ms takes {report.step * 1e3:g} ms on the machine: the network runs {pace}.",
        f"Packets ({t.basis}): {t.sent:.4g} sent a step, {t.delivered:.4g} delivered, {t.crossings:.4g} links crossed, "
        f"{t.mean_hops:.3g} links on average and {t.most_hops} at most from sender to receiver.",
        f"Energy: {e.total:.4g} W of the boards ({e.boards:.4g} idle, {e.cores:.4g} cores, {e.packets:.3g} packets), "
        f"{e.total_of_chips:.4g} W of the chips in use alone; {e.formula}.",
    ]
    if e.joules_per_event is not None:
        notes.append(
            f"That is {e.joules_per_step:.3g} J a step and {e.joules_per_event:.3g} J a synaptic event."
        )
    return notes


def text_of(report: SpiNNakerReport) -> str:
    """All tables; of long ones the first rows."""
    found = remarks(report)
    first = ["\n".join(["Worth a look:", *(f"  {text}" for text in found)])] if found else []
    blocks = ["\n".join(table_lines(title, table)) for title, table in columns_of(report).items()]
    return "\n\n".join([*first, *blocks, "\n".join(notes_of(report))])


def _known(value: float | None) -> str:
    return "-" if value is None else amount(value)
