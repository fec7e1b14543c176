"""Sections of the HTML report about a SpiNNaker build. All read ``results["spinnaker"]``, the report as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosim.analysis.html_page import Section
from neurosim.hardware.report_tables import add_tables
from neurosim.hardware.spinnaker.report.plots import plot_link_load, plot_placement
from neurosim.hardware.spinnaker.report.remarks import remarks
from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport
from neurosim.hardware.spinnaker.report.text import columns_of, notes_of

__all__ = ["PANELS", "cells", "energy", "fit", "links", "look", "weights"]

Results = Mapping[str, Any]

_HERE = "neurosim.hardware.spinnaker.report.panels"
PANELS: Mapping[str, str] = {
    "Worth a look": f"{_HERE}:look",
    "What fits where": f"{_HERE}:fit",
    "Weights and delays": f"{_HERE}:weights",
    "Saturation": f"{_HERE}:cells",
    "Links": f"{_HERE}:links",
    "Energy": f"{_HERE}:energy",
}
"""Heading to address, as `neurosim.analysis.report.PANELS`."""


def look(results: Results, section: Section) -> None:
    """Remarks."""
    for text in remarks(SpiNNakerReport.from_json(results["spinnaker"])) or (
        "Nothing is nearly full or lost.",
    ):
        section.text(text)


def fit(results: Results, section: Section) -> None:
    """Headroom, populations and the map of chips."""
    report = SpiNNakerReport.from_json(results["spinnaker"])
    add_tables(section, columns_of(report), "Headroom", "Populations", "Busiest cores")
    section.text(notes_of(report)[0])
    if any(c.cores for c in report.chips):
        with section.figure(8, 6, "Cores of each population by chip") as figure:
            plot_placement(report, ax=figure.subplots())


def weights(results: Results, section: Section) -> None:
    """Rounding of weights, delays against slots."""
    report = SpiNNakerReport.from_json(results["spinnaker"])
    if not report.weights:
        section.text("The weights that were asked for are not known: only delays are shown.")
    add_tables(section, columns_of(report), "Weights", "Delays")


def cells(results: Results, section: Section) -> None:
    """What can saturate or wrap around."""
    report = SpiNNakerReport.from_json(results["spinnaker"])
    section.text(
        "A cell of a ring buffer holds 65535 raw units of weight; what comes on top in the same step is lost. "
        "'Can saturate' counts neurons for which all synapses together exceed that, 'from synapses' is the smallest "
        f"number that does, and 'cells a second' what {report.rate:g} spikes a second of every source would give."
    )
    add_tables(section, columns_of(report), "Ring-buffer cells", "Cells with the given spikes")


def links(results: Results, section: Section) -> None:
    """The map of links."""
    report = SpiNNakerReport.from_json(results["spinnaker"])
    section.text(notes_of(report)[1])
    if report.chips:
        with section.figure(8, 6, "Packets that cross each link in a step") as figure:
            plot_link_load(report, ax=figure.subplots())
    add_tables(section, columns_of(report), "Busiest links")


def energy(results: Results, section: Section) -> None:
    """The estimate and its formula."""
    report = SpiNNakerReport.from_json(results["spinnaker"])
    for note in notes_of(report)[2:]:
        section.text(note)
