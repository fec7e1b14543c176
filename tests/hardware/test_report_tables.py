"""Tables as lines of text."""

from __future__ import annotations

import pytest

from neurosim.hardware.report_tables import amount, table_lines


@pytest.mark.parametrize(
    ("value", "text"), [(12.0, "12"), (1234567, "1,234,567"), (0.12345, "0.1235"), (-2.0, "-2")]
)
def test_amounts(value, text):
    assert amount(value) == text


def test_columns_stand_below_each_other():
    """Text is left-aligned and numbers are right-aligned."""
    assert list(table_lines("T", (("name", "n"), [("a", 5), ("long one", 1234)]))) == [
        "T:",
        "  name         n",
        "  a            5",
        "  long one  1234",
    ]


def test_long_tables_are_cut_with_a_count():
    lines = list(table_lines("T", (("n",), [(k,) for k in range(25)])))
    assert len(lines) == 23
    assert lines[-1] == "  ... and 5 more"
