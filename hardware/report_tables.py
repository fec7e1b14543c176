"""Tables of a report as lines of text, and in a section of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.analysis.html_page import Section

__all__ = ["Table", "add_tables", "amount", "table_lines"]

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""headings and rows"""

_MOST_ROWS = 20


def amount(value: float) -> str:
    """A number with four digits, or all digits of a whole one."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def table_lines(title: str, table: Table) -> Iterator[str]:
    """The title, the headings and the rows, in columns; of many rows the first."""
    headings, rows = table
    shown = [list(map(str, row)) for row in rows[:_MOST_ROWS]]
    widths = [max(len(c) for c in column) for column in zip(headings, *shown, strict=True)]
    texts = [not _is_number(column[0]) for column in zip(*shown, strict=True)]

    def line(cells: Sequence[str]) -> str:
        parts = (c.ljust(w) if t else c.rjust(w) for c, w, t in zip(cells, widths, texts, strict=True))
        return ("  " + "  ".join(parts)).rstrip()

    yield f"{title}:"
    yield line(headings)
    yield from map(line, shown)
    if len(rows) > _MOST_ROWS:
        yield f"  ... and {len(rows) - _MOST_ROWS} more"


def add_tables(section: Section, tables: Mapping[str, Table], *titles: str) -> None:
    """Put the tables of these titles into a section, each under its title; those that the report lacks are left out."""
    for title in titles:
        if title in tables:
            section.heading(title)
            section.table(*tables[title])


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] == "-"
