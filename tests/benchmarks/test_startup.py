"""Cold processes, with a system that runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import startup as startup_module
from benchmarks.race import Options
from benchmarks.row import Row
from benchmarks.systems import System


def test_the_whole_time_is_counted(
    stub: Callable[..., System], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(startup_module, "entries", lambda case, options: [(stub(), 1), (stub(), 2)])
    (row,) = startup_module.startup("x", 100, 10, Options(quick=True))  # one thread only
    assert isinstance(row, Row)
    assert row.threads == 1
    assert len(row.repeats) == 1  # the first is not counted
    assert row.seconds > row.build_seconds > 0  # at least the start of an interpreter
    assert row.spikes == 101
