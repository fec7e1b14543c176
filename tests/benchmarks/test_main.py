"""The command: arguments, table, JSON file and exit status, with tasks of no size."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import TASKS, Missing, Row
from benchmarks.__main__ import PYTHON, main
from benchmarks.race import Options

OURS = Row(
    case="a", system="neurosim", version="1", threads=1, precision="double", neurons=10, synapses=100, steps=1000,
    spikes=1000, work=1e4, unit="events", build_seconds=0.1, seconds=2.0, repeats=(2.0,), note="remarkable",
)  # fmt: skip
PEER = replace(OURS, system="peer", seconds=5.0)
GIVEN: list[Options] = []


def rows(options: Options) -> Iterator[Row | Missing]:
    GIVEN.append(options)
    yield OURS
    yield PEER
    yield Missing(case="a", system="absent", threads=1, reason="not installed (absent)")


def steps(options: Options) -> Iterator[Row | Missing]:
    step = replace(
        OURS, system="neurosim-nn", precision="single", forward_seconds=0.5, growth=7_000_000, density=(0.03, 0.051)
    )  # fmt: skip
    yield step
    yield replace(step, system="undelayed", seconds=1.0, spikes=1, differs="no delays")


def failing(options: Options) -> Iterator[Row | Missing]:
    yield PEER
    yield Missing(case="a", system="neurosim", threads=1, reason="failed")


@pytest.fixture(autouse=True)
def _tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "benchmark_tasks", sys.modules[__name__])
    monkeypatch.setitem(TASKS, "rows", "benchmark_tasks:rows")
    monkeypatch.setitem(TASKS, "failing", "benchmark_tasks:failing")
    monkeypatch.setitem(TASKS, "steps", "benchmark_tasks:steps")
    GIVEN.clear()


def test_rows_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.json"
    assert main(["rows", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "peer" in shown
    assert "a: neurosim, 1 thread(s): remarkable" in shown
    assert "a: absent, 1 thread(s): not installed (absent)" in shown
    result = json.loads(out.read_text())
    assert [row["ratio"] for row in result["rows"]] == [None, 2.5]
    assert result["missing"][0]["system"] == "absent"
    assert result["machine"]["cores"] >= 1
    assert result["quick"] is False


def test_steps_show_their_parts_memory_and_density(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps"]) == 0
    shown = capsys.readouterr().out
    for text in ("forward_seconds", "growth MB", "density %", "3 5.1", "without_delays_ratio"):
        assert text in shown
    assert "a: undelayed, 1 thread(s): no delays; remarkable" in shown
    (line,) = (line for line in shown.splitlines() if line.startswith("a ") and "undelayed" in line)
    assert line.split()[-1] == "0.5"


def test_a_failure_of_ours_is_an_error() -> None:
    assert main(["failing"]) == 1


def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PYTHON)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEUROSIM_BENCH_PYTHON_BRIAN2_CPP", "/a/python")
    arguments = ["--peers", "nest, torch", "--quick", "--threads", "1", "--cases", "x,y"]
    main(["rows", *arguments, "--python", "brainpy=/b/python"])
    (options,) = GIVEN
    assert options.peers == ("nest", "torch")
    assert options.quick
    assert options.repeats == 1
    assert options.threads == (1,)
    assert (options.wants("x"), options.wants("z")) == (True, False)
    assert options.pythons == {"brian2-cpp": "/a/python", "brainpy": "/b/python"}
    main(["rows", "--peers", ""])
    assert GIVEN[-1].peers == ()
    assert GIVEN[-1].threads == (1, 2)


@pytest.mark.parametrize(
    "arguments",
    [["--peers", "nobody"], ["--python", "nest"], ["--python", "nobody=/x"], ["--threads", "two"]],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rows", *arguments])


def test_tasks_can_be_imported() -> None:
    for address in TASKS.values():
        module, _, function = address.partition(":")
        assert callable(getattr(import_module(module), function))
