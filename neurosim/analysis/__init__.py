"""Looking at runs: spike-train statistics and distances, plots, the comparison of two runs, the HTML report."""

from __future__ import annotations

__all__: list[str] = []
