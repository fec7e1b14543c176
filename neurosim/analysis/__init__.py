"""Looking at runs: spike-train statistics and distances, plots, the comparison of two runs, the HTML report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers; at run time __getattr__ imports them
    from neurosim.analysis.comparison import Comparison as Comparison, compare as compare
    from neurosim.analysis.plots import (
        histogram as histogram,
        plot_accuracy_against_noise as plot_accuracy_against_noise,
        plot_confusion as plot_confusion,
        plot_histogram as plot_histogram,
        plot_raster as plot_raster,
        plot_rate as plot_rate,
        plot_sites as plot_sites,
        plot_traces as plot_traces,
    )
    from neurosim.analysis.report import PANELS as PANELS, write_report as write_report
    from neurosim.analysis.spike_statistics import (
        firing_rate as firing_rate,
        interval_variation as interval_variation,
        spike_table as spike_table,
        van_rossum_distance as van_rossum_distance,
    )
    from neurosim.analysis.training_curves import (
        plot_learning_rates as plot_learning_rates,
        plot_training_accuracy as plot_training_accuracy,
        plot_training_loss as plot_training_loss,
        plot_training_spikes as plot_training_spikes,
        training_figure as training_figure,
    )

_HOME = {
    "PANELS": "report",
    "Comparison": "comparison",
    "compare": "comparison",
    "firing_rate": "spike_statistics",
    "histogram": "plots",
    "interval_variation": "spike_statistics",
    "plot_accuracy_against_noise": "plots",
    "plot_confusion": "plots",
    "plot_histogram": "plots",
    "plot_learning_rates": "training_curves",
    "plot_raster": "plots",
    "plot_rate": "plots",
    "plot_sites": "plots",
    "plot_traces": "plots",
    "plot_training_accuracy": "training_curves",
    "plot_training_loss": "training_curves",
    "plot_training_spikes": "training_curves",
    "spike_table": "spike_statistics",
    "training_figure": "training_curves",
    "van_rossum_distance": "spike_statistics",
    "write_report": "report",
}

__all__ = [*_HOME]

__getattr__, __dir__ = lazy_names(__name__, _HOME)
