"""Sections of the HTML report about a Loihi build. All read the report as JSON, whatever the chip is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosim.analysis.html_page import Section
from neurosim.hardware.loihi.report.effect import NEAR
from neurosim.hardware.loihi.report.loihi_report import LoihiReport
from neurosim.hardware.loihi.report.plots import plot_cores, plot_divergence, plot_own_effects
from neurosim.hardware.loihi.report.remarks import remarks
from neurosim.hardware.loihi.report.text import columns_of, divergence_lines, notes_of
from neurosim.hardware.report_tables import add_tables

__all__ = ["PANELS", "cost", "divergence", "fit", "look", "rounding", "spikes"]

Results = Mapping[str, Any]

_HERE = "neurosim.hardware.loihi.report.panels"
PANELS: Mapping[str, str] = {
    "Worth a look": f"{_HERE}:look",
    "What fits where": f"{_HERE}:fit",
    "Rounding": f"{_HERE}:rounding",
    "What it does to spikes": f"{_HERE}:spikes",
    "First divergence": f"{_HERE}:divergence",
    "Time and energy": f"{_HERE}:cost",
}
"""Heading to address, as `neurosim.analysis.report.PANELS`."""


def look(results: Results, section: Section) -> None:
    """Remarks."""
    for text in remarks(_report(results)) or ("Nothing is nearly full, lost or off.",):
        section.text(text)


def fit(results: Results, section: Section) -> None:
    """Headroom and the map of cores."""
    report = _report(results)
    section.text(f"{report.chip}: {report.fit}.")
    add_tables(section, columns_of(report), "Headroom", "Fullest cores")
    if report.cores:
        with section.figure(6, 3.4, "Cores on the mesh, by the limit that binds them") as figure:
            plot_cores(report, ax=figure.subplots())


def rounding(results: Results, section: Section) -> None:
    """Rounding of neurons and weights."""
    report = _report(results)
    if not report.populations:
        section.text("The numbers that were asked for are not known.")
    add_tables(section, columns_of(report), "Rounding of neurons, worst neuron", "Rounding of weights")


def spikes(results: Results, section: Section) -> None:
    """Spikes beside the float engine's."""
    report = _report(results)
    if report.run is None:
        section.text(notes_of(report)[0])
        return
    section.text(
        "A cell is a neuron in a step of a sample. Those with a spike on either side are counted; those with one on "
        f"one side alone are off, and moved if that neuron spikes on the other side within {NEAR} steps."
    )
    tables = columns_of(report)
    add_tables(section, tables, *[title for title in tables if title.startswith(("Spikes", "Cells"))])
    if report.own_effects:
        with section.figure(7, 3, "What each rounding alone does to a population") as figure:
            plot_own_effects(report, ax=figure.subplots())


def divergence(results: Results, section: Section) -> None:
    """The first divergence and its cause."""
    report = _report(results)
    for line in divergence_lines(report):
        section.text(line.strip())
    if report.divergence is not None:
        with section.figure(7, 2.8, "Up to the step in which the two part") as figure:
            plot_divergence(report, ax=figure.subplots())


def cost(results: Results, section: Section) -> None:
    """Activity, time and energy, with their formulas."""
    for note in notes_of(_report(results)):
        section.text(note)


def _report(results: Results) -> LoihiReport:
    found = next(v for v in results.values() if isinstance(v, Mapping) and "own_effects" in v)
    return LoihiReport.from_json(found)
