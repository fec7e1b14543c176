from __future__ import annotations

from pathlib import Path

from neurosim.hardware.loihi.tables.layout import CORE_TABLES, INPUT_TABLES, POPULATION_TABLES
from neurosim.hardware.loihi.tables.layout_page import layout_page


def test_the_page_is_that_of_the_layout():
    page = Path(__file__).resolve().parents[4] / "docs" / "loihi_tables.md"
    assert page.read_text("utf-8") == layout_page(), (
        "run: python -m neurosim.hardware.loihi.tables.layout_page > docs/loihi_tables.md"
    )


def test_every_field_is_on_the_page():
    lines = layout_page().splitlines()
    for table in (*CORE_TABLES.values(), *POPULATION_TABLES.values(), *INPUT_TABLES.values()):
        section = lines[lines.index(f"### {table.name}") :]
        for field in table.fields:
            assert any(line.startswith(f"| {field.name} | ") for line in section)
