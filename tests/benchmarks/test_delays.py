"""The cases with delays, and who runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import delays, training
from benchmarks.case import Case
from benchmarks.race import Options, entries
from benchmarks.row import Missing, Row


def test_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(training, "has_gpu", lambda: False)
    found: list[Case] = []

    def race(case: Case, options: Options) -> Iterator[Row | Missing]:
        found.append(case)
        return iter(())

    monkeypatch.setattr(delays, "race", race)
    list(delays.run(Options(cases=("d25-3", "d250-2-recurrent"))))
    plain, recurrent = sorted(found, key=lambda case: case.samples, reverse=True)
    assert (plain.samples, plain.steps, plain.parameters["delays"]) == (32, 100, 25)
    assert (recurrent.samples, recurrent.steps, recurrent.parameters["delays"]) == (8, 1000, 250)
    options = Options(threads=(1,))
    assert [s.name for s, _ in entries(plain, options)] == [
        "neurosim-nn", "torch-no-delays", "torch-conv1d", "dcls",
    ]  # fmt: skip
    assert [s.name for s, _ in entries(recurrent, options)] == [
        "neurosim-nn",
        "torch-no-delays",
        "torch-conv1d",
    ]


def test_names_say_what_is_run() -> None:
    for name, given in delays.CASES.items():
        d, density, *kind = name.removeprefix("d").split("-")
        assert given["delays"] == int(d)
        assert given["density"] == int(density) / 100
        assert given.get("recurrent", False) == (kind == ["recurrent"])
        assert given.get("surrogate", "arctan") == ("triangle" if kind == ["triangle"] else "arctan")
