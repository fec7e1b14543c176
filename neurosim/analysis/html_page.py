"""The building blocks of the report's page: its style and the section that a panel fills."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from neurosim.analysis.axes import COLOURS, blank_figure
from neurosim.errors import ShapeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["STYLE", "Section"]

STYLE = """
:root {
  color-scheme: light dark;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b27a00; --c5: #2f94cf;
  --ink: #1d232b; --faint: #5b6673; --line: #d5dae0; --paper: #ffffff; --card: #f6f7f9;
}
@media (prefers-color-scheme: dark) {
  :root { --c0: #56b4e9; --c1: #f0883e; --c2: #2fc79a; --c3: #e3a0c6; --c4: #e69f00; --c5: #9fd3f2; }
  :root { --ink: #e4e8ee; --faint: #9aa6b3; --line: #39424e; --paper: #14181d; --card: #1c2229; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
.lead { color: var(--faint); margin: .3rem 0 1rem; max-width: 52rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin-bottom: 1rem; font-size: .9rem; }
nav a { color: inherit; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 1rem; margin: 0 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, .words { text-align: left; }
td.words { white-space: normal; overflow-wrap: break-word; } th { color: var(--faint); font-weight: 600; }
pre { white-space: pre-wrap; margin: .5rem 0; } svg { max-width: 100%; height: auto; color: var(--ink); }
figure { margin: 0; }
"""

_INK = "#010203"
"""Stands for the page's text colour in a figure; becomes ``currentColor``, which follows the reader's scheme."""

_LOOK = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "neurosim",
}


class Section:
    """The body of one panel: text, tables and figures, in the order in which they are added."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._parts: list[str] = []
        self._figures = 0

    def html(self) -> str:
        """The body as HTML."""
        return "\n".join(self._parts)

    def heading(self, text: str) -> None:
        """A heading inside the section."""
        self._parts.append(f"<h3>{html.escape(text)}</h3>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def verbatim(self, text: str) -> None:
        """Lines as they are."""
        self._parts.append(f"<pre>{html.escape(text)}</pre>")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table; a column in which every cell is or begins with a number is aligned right, others left and wrapped.

        Raises:
            ShapeError: a row is longer or shorter than the headings.
        """
        uneven = next((row for row in rows if len(row) != len(columns)), None)
        if uneven is not None:
            raise ShapeError(
                "a row and the headings differ in length",
                where="table",
                value=len(uneven),
                limit=len(columns),
            )
        words = [' class="words"' if any(map(_is_text, column)) else "" for column in zip(*rows, strict=True)]
        words = words or [""] * len(columns)
        head, *body = (
            "".join(f"<{tag}{c}>{html.escape(_shown(v))}</{tag}>" for c, v in zip(words, row, strict=True))
            for tag, row in (("th", columns), *(("td", row) for row in rows))
        )
        lines = "".join(f"<tr>{row}</tr>\n" for row in body)
        table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{lines}</tbody></table>"
        self._parts.append(f'<div class="scroll">{table}</div>')

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Names and values, one a line."""
        rows = "".join(
            f'<tr><td>{html.escape(name)}</td><td class="words">{html.escape(_shown(value))}</td></tr>\n'
            for name, value in facts.items()
        )
        self._parts.append(f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>')

    @contextmanager
    def figure(self, width: float, height: float, caption: str = "") -> Iterator[Figure]:
        """A matplotlib figure of ``width`` x ``height`` inches, drawn into the page when the block ends."""
        with _look():
            figure = blank_figure(width, height)
            yield figure
            self._figures += 1
            drawing = _inline_svg(figure, f"{self.name}-{self._figures}")
        title = html.escape(caption)
        self._parts.append(f"<figure>{drawing}<figcaption>{title}</figcaption></figure>")


def _look() -> AbstractContextManager[Any]:
    try:
        from matplotlib import rc_context
    except ImportError:
        return nullcontext()  # blank_figure reports it
    return rc_context(_LOOK)


def _inline_svg(figure: Figure, prefix: str) -> str:
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(stream, format="svg", metadata=nothing, dpi=150)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # HTML knows them
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'href="#([^"]*)"', rf'href="#{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", svg)
    for i, colour in enumerate(COLOURS):
        svg = svg.replace(f": {colour.lower()}", f": var(--c{i})")  # in styles: lighter on dark paper
    return svg.replace(_INK, "currentColor").strip()


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(v)}" for name, v in value.items())
    return str(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not re.match(r"^([-+\d.]|$)", value)
