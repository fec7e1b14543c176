"""What a target says of a build beyond resources and losses, and the folder that a report is written to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from neurosim.analysis.report import write_report

if TYPE_CHECKING:
    from neurosim.hardware.target import Build

__all__ = ["PANELS", "Analysis", "write_build_report"]

PANELS: Mapping[str, str] = {
    "Cores and tiles": "neurosim.analysis.panels:sites",
    "Losses": "neurosim.analysis.panels:losses",
    "Provenance": "neurosim.analysis.panels:provenance",
}
"""Sections of every build's page, after those of its target."""


class Analysis(Protocol):
    """A target's own report: numbers, and how a page shows them. ``str`` gives it as text."""

    @property
    def panels(self) -> Mapping[str, str]:
        """Sections of a page, as `neurosim.analysis.report.PANELS`; they find the numbers under the target's name."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        ...


def write_build_report(
    build: Build, folder: str | os.PathLike[str], analysis: Analysis | None
) -> tuple[Path, Path]:
    """Write ``report.html``, one page that needs no other file, and the same numbers as ``report.json``.

    Returns:
        The two paths.

    Raises:
        MissingExtraError: matplotlib cannot be imported.
    """
    name, manifest = build.target.name, build.manifest
    results: dict[str, Any] = {
        "title": f"{name} build",
        "summary": f"What the machine makes of the network, predicted from the build for {manifest.profile}.",
        "layout": {name: [asdict(site) for site in build.layout]},
        "usage": {name: [asdict(usage) for usage in build.usage]},
        "losses": {name: [loss.to_json() for loss in build.losses]},
        "provenance": {
            "target": name,
            "profile": manifest.profile,
            "dt (s)": manifest.dt,
            "network": manifest.network,
            "neurosim": manifest.neurosim,
        },
    }
    panels = dict(PANELS)
    if analysis is not None:
        results[name] = analysis.to_json()
        panels = {**analysis.panels, **panels}
    return write_report(results, Path(folder), panels=panels)
