"""What a network takes and loses on the machine: limits, weights, delays, cells, links, energy.

`neurosim.hardware.target.Build.analyse` gives the report of a build, `write_report` the page of it.
"""

from __future__ import annotations

from neurosim.hardware.spinnaker.report.analyse import analyse, analyse_build
from neurosim.hardware.spinnaker.report.plots import plot_link_load, plot_placement
from neurosim.hardware.spinnaker.report.spinnaker_report import SpiNNakerReport

__all__ = ["SpiNNakerReport", "analyse", "analyse_build", "plot_link_load", "plot_placement"]
