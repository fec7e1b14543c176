"""Looking at runs: spike-train statistics and distances, plots, the comparison of two runs, the HTML report."""

__all__ = ["compare", "plots", "report", "statistics"]
