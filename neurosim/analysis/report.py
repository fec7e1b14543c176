"""The report: one self-contained HTML file, and the same numbers as JSON.

``results`` is a plain dictionary of JSON values. Each panel reads its own keys (its docstring names them) and is left
out, visibly, where they are missing. A panel of your own is a function ``panel(results, section) -> None`` that fills a
`Section`; put it into `PANELS` under a name, or pass ``panels=``.

The page holds inline CSS and SVG only: no script, no address of another file. It follows the reader's light or dark
scheme, and everything that came from outside is escaped.
"""

from __future__ import annotations

import html
import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.analysis.html_page import STYLE, Section
from neurosim.atomic_file import write_atomically
from neurosim.errors import DescriptionError

__all__ = ["PANELS", "render", "write_report"]

Panel = Callable[[Mapping[str, Any], Section], None]

PANELS: dict[str, str] = {
    "Results": "neurosim.analysis.panels:results",
    "Raster": "neurosim.analysis.panels:raster",
    "Membrane potential": "neurosim.analysis.panels:membrane",
    "Training": "neurosim.analysis.panels:training",
    "Weights": "neurosim.analysis.panels:weights",
    "Delays": "neurosim.analysis.panels:delays",
    "Cores and tiles": "neurosim.analysis.panels:sites",
    "Accuracy against noise": "neurosim.analysis.panels:noise",
    "First divergence": "neurosim.analysis.panels:divergence",
    "Losses": "neurosim.analysis.panels:losses",
    "Provenance": "neurosim.analysis.panels:provenance",
}
"""Name (the heading) to ``"module:function"``, in the order of the page."""


def _panel(name: str, address: str) -> Panel:
    module, _, attribute = address.partition(":")
    try:
        found: Panel = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise DescriptionError(
            f"the panel cannot be imported: {error}",
            where=f"panel {name!r}",
            value=address,
            limit="'module:function'",
        ) from error
    return found


class _Missing(KeyError):
    """A part of the results that a panel needs and this run has not."""


class _Results(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        raise _Missing(key)


def render(results: Mapping[str, Any], *, panels: Mapping[str, str] | None = None) -> str:
    """The page as text.

    Args:
        panels: heading to ``"module:function"``; `PANELS` where None.

    Raises:
        DescriptionError: a panel cannot be imported.
        MissingExtraError: matplotlib is needed and cannot be imported.
    """
    parts, contents = [], []
    for number, (name, address) in enumerate((PANELS if panels is None else panels).items()):
        section = Section(f"panel{number}")
        try:
            _panel(name, address)(_Results(results), section)
        except _Missing as missing:
            section = Section(f"panel{number}")
            section.text(f"Not part of this run (no {missing.args[0]!r} in the results).")
        heading = html.escape(name)
        contents.append(f'<a href="#{section.name}">{heading}</a>')
        parts.append(f'<section id="{section.name}"><h2>{heading}</h2>\n{section.html()}\n</section>')
    title = html.escape(str(results.get("title", "neurosim report")))
    lead = html.escape(str(results.get("summary", "")))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style></head>\n<body><main>\n"
        f'<h1>{title}</h1>\n<p class="lead">{lead}</p>\n<nav>{" ".join(contents)}</nav>\n'
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def plain(value: Any) -> Any:
    """``value`` with NumPy arrays and numbers as JSON values; NaN and infinities, which JSON has not, as None.

    Raises:
        DescriptionError: a value that is not plain data.
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise DescriptionError("results hold plain data only", where="report", value=type(value).__name__)


def write_report(
    results: Mapping[str, Any], folder: str | Path, *, panels: Mapping[str, str] | None = None
) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.json`` into ``folder`` (made if need be); each is whole or not written.

    Returns:
        The two paths.

    Raises:
        DescriptionError, MissingExtraError: as `render`.
    """
    values = plain(results)
    text = render(values, panels=panels)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    page, numbers = place / "report.html", place / "report.json"
    write_atomically(numbers, (json.dumps(values, indent=1, allow_nan=False) + "\n").encode())
    write_atomically(page, text.encode())
    return page, numbers
