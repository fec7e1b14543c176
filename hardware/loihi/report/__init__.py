"""What a network takes and loses on the chip: limits, rounding and its effect, the first divergence, energy.

`neurosim.hardware.target.Build.analyse` gives the report of a build, `write_report` the page of it.
"""

from __future__ import annotations

from neurosim.hardware.loihi.report.analyse import analyse, analyse_build, analyse_device, with_activity
from neurosim.hardware.loihi.report.loihi_report import LoihiReport
from neurosim.hardware.loihi.report.plots import plot_cores, plot_divergence, plot_own_effects

__all__ = [
    "LoihiReport",
    "analyse",
    "analyse_build",
    "analyse_device",
    "plot_cores",
    "plot_divergence",
    "plot_own_effects",
    "with_activity",
]
