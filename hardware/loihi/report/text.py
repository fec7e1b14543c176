"""The report as text: one table a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.hardware.loihi.report.remarks import remarks
from neurosim.hardware.loihi.report.roundings import Rounding
from neurosim.hardware.report_tables import Table, amount, table_lines

if TYPE_CHECKING:
    from neurosim.hardware.loihi.report.loihi_report import LoihiReport

__all__ = ["columns_of", "divergence_lines", "notes_of", "text_of"]

_FULLEST = 8
_WORDS = {
    "input_axons": "input axons",
    "output_axons": "output axons",
    "synapse_bits": "synapse memory, bit",
    "compartment_profiles": "compartment profiles",
    "threshold_profiles": "threshold profiles",
    "synapse_formats": "synapse formats",
}


def columns_of(report: LoihiReport) -> dict[str, Table]:
    """Title -> headings and rows, of every table of the report."""
    r = report
    own = {(o.population, o.rounding): o.cells for o in r.own_effects}
    kinds = ["all", *(k.value for k in Rounding)]
    tables: dict[str, Table] = {
        "Headroom": (
            ("limit", "used", "of", "share", "fullest core", "in all", "cores it binds"),
            [
                (
                    _WORDS.get(h.limit, h.limit), amount(h.used), amount(h.most), f"{h.share:.1%}",
                    h.where or "(the chip)", amount(h.total), h.binds if h.where else "-",
                )
                for h in r.headroom
            ],
        ),
        "Fullest cores": (
            ("core", "tile", "holds", "limit that binds", "used", "of", "share"),
            [
                (
                    c.number, f"({c.x}, {c.y})", _shortened(c.holds), _WORDS.get(c.loads[0].limit, c.loads[0].limit),
                    amount(c.loads[0].used), amount(c.loads[0].most), f"{c.loads[0].share:.1%}",
                )
                for c in sorted(r.cores, key=lambda c: -c.loads[0].share)[:_FULLEST]
            ],
        ),
        "Rounding of neurons, worst neuron": (
            (
                "population", "neurons", "registers a unit", "threshold", "current decay", "potential decay",
                "threshold off", "bias off",
            ),
            [
                (
                    p.population, p.neurons, f"{p.scale:.4g}", "none" if p.threshold is None else amount(p.threshold),
                    f"{p.current_decay:.2g}", f"{p.potential_decay:.2g}", f"{p.threshold_error:.3%}",
                    f"{p.bias_error:.2g}",
                )
                for p in r.populations
            ],
        ),
        "Rounding of weights": (
            ("projection", "synapses", "exponents", "unit", "largest error", "rms", "to zero"),
            [
                (
                    p.projection, p.synapses, " ".join(map(str, p.exponents)) or "-", f"{p.unit:.3g}",
                    f"{p.largest:.3g}", f"{p.relative:.2%}", f"{p.zeroed:.1%}",
                )
                for p in r.projections
            ],
        ),
        "Spikes beside the float engine": (
            ("population", "float", "chip", "counts off", "cells off", "of them moved", "wraps", "saturations"),
            [
                (
                    e.population, e.float_spikes, e.chip_spikes, f"{e.counts:.2%}", f"{e.cells:.2%}", f"{e.moved:.0%}",
                    e.wraps, e.saturations,
                )
                for e in r.effects
            ],
        ),
        "Cells off, given the float engine's spikes, by what is rounded": (
            ("population", *kinds),
            [
                (name, *(f"{own[name, k]:.2%}" for k in kinds))
                for name in dict.fromkeys(o.population for o in r.own_effects)
            ],
        ),
    }  # fmt: skip
    return {title: table for title, table in tables.items() if table[1]}


def divergence_lines(report: LoihiReport) -> list[str]:
    """The first divergence in words."""
    d = report.divergence
    if report.run is None or not report.populations:
        return []
    if d is None:
        return ["No divergence: every spike of every population is that of the float engine."]
    spikes = (
        ("in the float engine", "on the chip") if d.float_spike else ("on the chip", "in the float engine")
    )
    when = f"machine step {d.step} ({(d.step - d.lag) * report.dt * 1e3:g} ms) of sample {d.sample}"
    back = ", ".join(
        f"{t.rounding} {t.margin:+.3%}{' (as float)' if t.as_float else ''}" for t in d.taken_back
    )
    return [
        f"First divergence: population {d.population!r}, neuron {d.neuron}, {when}: spikes {spikes[0]}, "
        f"not {spikes[1]}.",
        f"  float: v {d.float_v:.6g}, threshold {d.float_threshold:.6g} ({d.float_margin:+.3%}); "
        f"chip: v {d.chip_v:.6g}, threshold {d.chip_threshold:.6g} ({d.chip_margin:+.3%}).",
        f"  Cause: {d.cause}.",
        f"  The chip's potential over its threshold with one rounding taken back: {back}.",
    ]


def notes_of(report: LoihiReport) -> list[str]:
    """Activity, time and energy in words."""
    r, e, t = report.run, report.energy, report.latency
    if r is None:
        return ["No inputs were given: effects on spikes, activity, time and energy are left out."]
    notes = [
        f"A step, on average ({r.basis}, {r.samples} samples of {r.steps} steps): {r.operations:.4g} synaptic "
        f"operations, {r.updates:.4g} neuron updates ({r.active:.4g} active), {r.messages:.4g} messages of cores "
        f"that cross {r.hops:.4g} tiles ({r.way[0]} + {r.way[1]} at most), {r.inputs:.4g} messages from the host."
    ]
    if t is None or e is None:
        notes.append(f"Time and energy: no constants of {report.chip} are public, so none are given.")
        return notes
    pace = report.dt / t.mean
    notes += [
        f"Time, at least: {t.mean * 1e6:.4g} us a step on average, {t.longest * 1e6:.4g} us the longest "
        f"({t.barrier * 1e9:.3g} ns of it barrier; most often core {t.core} is last, with {t.stage}): at most "
        f"{pace:.4g} times real time. Formula: {t.formula}.",
        f"Energy, at least: {e.total * 1e6:.4g} uJ a step at that pace: synaptic operations {e.operations * 1e6:.3g}, "
        f"neuron updates {e.updates * 1e6:.3g}, messages {e.spikes * 1e6:.3g}, tiles crossed {e.hops * 1e6:.3g}, "
        f"static {e.static * 1e6:.3g}; in real time {(e.dynamic + e.static_watts * report.dt) * 1e6:.4g} uJ a step. "
        f"Formula: {e.formula}.",
        "These are constants published before there was silicon (Davies et al., IEEE Micro 38(1), 2018, Table 2), of "
        "which a synaptic operation is the cheapest one, and a measured static power (Frady et al., NICE 2020): lower "
        "bounds, not measurements; but for the time of a synaptic operation, of which the table has the longest.",
    ]
    return notes


def text_of(report: LoihiReport) -> str:
    """All tables; of long ones the first rows."""
    found = remarks(report)
    first = ["\n".join(["Worth a look:", *(f"  {text}" for text in found)])] if found else []
    blocks = ["\n".join(table_lines(title, table)) for title, table in columns_of(report).items()]
    head = f"{report.chip}, {report.fit}; arithmetic of {report.numerics}"
    parts = [head, *first, *blocks, "\n".join(divergence_lines(report)), "\n".join(notes_of(report))]
    return "\n\n".join(part for part in parts if part)


def _shortened(holds: tuple[str, ...]) -> str:
    more = f" and {len(holds) - 3} more" if len(holds) > 3 else ""
    return ", ".join(holds[:3]) + more
