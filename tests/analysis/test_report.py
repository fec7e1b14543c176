"""The page is parsed by the standard library's HTML parser; the numbers go through JSON and back."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from neurosim.analysis import report
from neurosim.analysis.html_page import Section
from neurosim.analysis.plots import histogram
from neurosim.errors import DescriptionError, ShapeError

pytest.importorskip("matplotlib")

VOID = {"meta", "br", "hr", "img", "link", "input", "use", "path", "image", "rect"}
EVIL = "<script>alert('x')</script>&\"'"


class Reader(HTMLParser):
    """Checks that tags are balanced and collects attributes, headings and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def some_results() -> dict:
    rng = np.arange(300)
    return {
        "title": f"Report of {EVIL}",
        "summary": "Event digits on three targets.",
        "table": [
            {
                "target": EVIL,
                "run": "emulated",
                "accuracy": 0.951,
                "low": 0.92,
                "high": 0.97,
                "correct": 342,
                "samples": 360,
                "as_float": 0.985,
                "spikes_per_sample": 412.25,
                "units": "3 cores",
            }
        ],
        "raster": {
            "dt": 1e-3,
            "steps": 100,
            "label": "sample 0",
            "populations": [
                {"name": "input", "shape": [2, 8, 8], "step": rng % 97, "neuron": rng % 128},
                {"name": "output", "shape": [10], "step": [5, 50], "neuron": [3, 3]},
            ],
        },
        "membrane": {
            "dt": 1e-3,
            "populations": [
                {
                    "name": "hidden",
                    "threshold": 1.0,
                    "neurons": [4, 17],
                    "values": np.sin(np.arange(200).reshape(100, 2) / 9),
                    "spikes": [[10, 20], []],
                }
            ],
        },
        "training": [
            {"epoch": k, "loss": 1.0 / (k + 1), "accuracy": 0.5, "spikes": [3.0], "rates": {"weight": 1e-3}}
            for k in range(3)
        ],
        "weights": {"in->hidden": histogram({"before training": rng / 300, "after": rng / 200 - 0.5})},
        "weight_errors": {"in->hidden": histogram({"loihi": rng / 1e5})},
        "delays": {"in->hidden": histogram({"after": rng % 9})},
        "layout": {
            "spinnaker": [
                {"unit": "core", "x": x, "y": y, "label": f"{x},{y}", "load": (x + y) / 8}
                for x in range(4)
                for y in range(4)
            ]
        },
        "usage": {
            "spinnaker": [
                {"resource": "cores", "used": 16, "limit": 864},
                {"resource": "power, W", "used": 0.1 + 0.2, "limit": None},
                {"resource": "synapses", "used": 66782.0, "limit": None},
            ]
        },
        "noise": {
            "label": "read noise",
            "levels": [0, 1, 2],
            "mean": [0.95, 0.94, 0.9],
            "low": [0.94, 0.92, 0.85],
            "high": [0.96, 0.95, 0.93],
            "bar": 0.9,
            "text": "20 devices",
        },
        "divergence": {
            "loihi": {
                "text": "The runs part\n  <b>here</b>",
                "dt": 1e-3,
                "first": {
                    "cause": {"trace": {"variable": "v", "steps": [0, 1, 2], "a": [0, 1, 2], "b": [0, 1, 1]}}
                },
            }
        },
        "losses": {
            "loihi": [{"kind": "rounded", "where": EVIL, "what": "weights", "amount": 0.01}],
            "other": [],
        },
        "provenance": {"seed": 0, "versions": {"numpy": "2.1", "python": "3.11"}, "command": "neurosim demo"},
    }


@pytest.fixture(scope="module")
def page() -> str:
    return report.render(report.plain(some_results()))


def cells(row: str) -> list[str]:
    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)


def test_results_stand_under_their_headings(page: str) -> None:
    head, row = re.findall(r"<tr>.*?</tr>", page)[:2]
    shown = dict(zip(cells(head), cells(row), strict=True))
    assert shown["as float"] == "98.5%"
    assert shown["spikes per sample"] == "412.2"
    assert shown["used"] == "3 cores"


def test_a_column_that_no_row_fills_is_left_out() -> None:
    values = some_results()
    del values["table"][0]["as_float"]
    head, row = re.findall(r"<tr>.*?</tr>", report.render(report.plain(values)))[:2]
    assert "as float" not in cells(head)
    assert len(cells(head)) == len(cells(row)) == 7


def test_usage_is_readable(page: str) -> None:
    assert "<td>0.3</td>" in page
    assert "<td>66,782</td>" in page


def test_a_column_is_aligned_as_a_whole() -> None:
    section = Section("a")
    section.table(("what", "amount"), [("weights rounded", 0.5), ("9 of 24 round to zero", "12 %")])
    found = re.findall(r"<(t[hd](?: [^>]*)?)>", section.html())
    assert found == ['th class="words"', "th", 'td class="words"', "td", 'td class="words"', "td"]


def test_row_of_another_length_than_the_headings() -> None:
    with pytest.raises(ShapeError, match="headings"):
        Section("a").table(("name", "value"), [("a", 1), ("b", 2, 3)])


def test_page_is_balanced_and_holds_every_panel(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.headings == list(report.PANELS)
    assert "Not part of this run" not in page
    assert page.count("<svg") == 9


def test_page_stands_alone(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert not re.search(r"https?:|//[a-z]|@import|<script", page)
    for _, name, value in reader.attributes:
        if name in {"href", "src", "xlink:href", "srcset", "action"}:
            assert value.startswith(("#", "data:image/png;base64,")), value
        assert not name.startswith("on")


def test_references_inside_figures_resolve_and_ids_are_unique(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]*)\)", page)) | {
        value[1:] for _, name, value in reader.attributes if name.endswith("href") and value.startswith("#")
    }
    assert used <= set(ids)


def test_text_from_outside_is_escaped_and_shown(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert "<script" not in page
    assert "<b>" not in page
    assert "".join(reader.text).count(EVIL) == 4  # title, heading, table, losses


def test_figures_follow_the_colour_scheme(page: str) -> None:
    assert "currentColor" in page
    assert "#010203" not in page
    assert "var(--c0)" in page
    assert "#0072b2" not in page.split("</style>")[1]


def test_page_and_numbers_are_written_and_read_back(tmp_path) -> None:
    results = some_results()
    results["noise"]["levels"] = [0.0, math.nan, 2.0]
    html, numbers = report.write_report(results, tmp_path / "new")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["report.html", "report.json"]
    read = json.loads(numbers.read_text())
    assert read["noise"]["levels"] == [0.0, None, 2.0]
    assert read["membrane"]["populations"][0]["values"][3] == pytest.approx(
        np.sin(np.array([6, 7]) / 9).tolist()
    )
    assert html.read_text() == report.render(read)


def test_same_results_give_the_same_bytes(page: str) -> None:
    assert report.render(report.plain(some_results())) == page


def test_missing_parts_are_said_to_be_missing() -> None:
    page = report.render({"title": "t", "provenance": {"seed": 1}})
    assert page.count("Not part of this run") == len(report.PANELS) - 1


def test_a_fault_inside_a_panel_is_not_hidden() -> None:
    with pytest.raises(KeyError, match="target"):
        report.render({"table": [{"run": "x"}], "target": 1})
    with pytest.raises(KeyError):
        report.render({"table": [{}]}, panels={"Results": report.PANELS["Results"]})


def test_a_panel_of_ones_own() -> None:
    page = report.render({"weights": {}}, panels={"Mine": "neurosim.analysis.panels:provenance"})
    assert "Not part of this run (no &#x27;provenance&#x27;" in page or "no 'provenance'" in page
    with pytest.raises(DescriptionError, match="cannot be imported"):
        report.render({}, panels={"Mine": "neurosim.analysis.panels:nothing"})


def test_results_hold_plain_data_only(tmp_path) -> None:
    with pytest.raises(DescriptionError, match="plain data"):
        report.write_report({"table": {1, 2}}, tmp_path)
    assert list(tmp_path.iterdir()) == []
