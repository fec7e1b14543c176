"""The table's rules, and the quick form of every task."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import TASKS, Row, with_ratios

OURS = Row(case="a", system="neurosim", version="1", threads=1, work=1000, unit="events", seconds=2.0)
PEER = replace(OURS, system="peer", seconds=5.0)


def test_ratio_is_the_peers_time_over_ours() -> None:
    rows = list(with_ratios([PEER, OURS, replace(PEER, threads=2), replace(PEER, case="b")]))
    assert [row.ratio for row in rows] == [2.5, None, None, None]


@pytest.mark.parametrize(("work", "compared"), [(1010, True), (990, True), (1011, False), (0, False)])
def test_different_work_is_not_compared(work: float, compared: bool) -> None:
    row = list(with_ratios([OURS, replace(PEER, work=work, ratio=9.0)]))[1]
    assert (row.ratio is not None) == compared


def test_tasks_can_be_imported() -> None:
    for address in TASKS.values():
        module, _, function = address.partition(":")
        assert callable(getattr(import_module(module), function))


def test_a_quick_run_writes_its_rows(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks", "recurrent", "--quick", "--peers", "", "--json", str(out)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    result = json.loads(out.read_text())
    assert {row["system"] for row in result["rows"]} == {"neurosim"}
    assert all(row["work"] > 1000 and row["seconds"] > 0 and row["memory"] > 1e7 for row in result["rows"])
    assert len({row["work"] for row in result["rows"]}) == 1  # whatever the number of threads
