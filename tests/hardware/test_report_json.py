"""Reports to JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.report_json import report_from_json, report_to_json


@dataclass(frozen=True, kw_only=True)
class Part:
    name: str
    share: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Whole:
    good: bool
    first: Part | None
    parts: tuple[Part, ...]
    pair: tuple[int, str]


parts = st.builds(Part, name=st.text(), share=st.floats(allow_nan=False), count=st.integers())
wholes = st.builds(
    Whole,
    good=st.booleans(),
    first=st.none() | parts,
    parts=st.lists(parts, max_size=3).map(tuple),
    pair=st.tuples(st.integers(), st.text()),
)


@given(wholes)
def test_what_is_written_is_read(whole):
    assert report_from_json(Whole, json.loads(json.dumps(report_to_json(whole))), "A") == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "unknown format"),
        ({"good": 1}, "A report.good"),
        ({"pair": [1]}, "A report.pair"),
        ({"pair": [True, "x"]}, r"A report.pair\[0\]"),
        ({"first": {"name": "x"}}, "A report.first"),
        ({"more": 1}, "A report"),
    ],
)
def test_damage_is_named(change, message):
    whole = Whole(good=True, first=Part(name="a", share=0.5, count=2), parts=(), pair=(1, "x"))
    values = {**report_to_json(replace(whole)), **change}
    with pytest.raises(FileFormatError, match=message):
        report_from_json(Whole, values, "A")
