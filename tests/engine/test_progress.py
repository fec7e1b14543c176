"""What is shown of a run, where and when."""

from __future__ import annotations

import io
import math
import sys
import threading

import pytest

from neurosim.engine import progress
from neurosim.engine.progress import ProgressReport, RunProgress
from neurosim.errors import DescriptionError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch, stream: io.StringIO, show: object) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressReport(show, 10.0) as report:  # type: ignore[arg-type]
        for _ in range(4):
            report.advance(2.5)
    return stream.getvalue()


def test_a_bar_with_the_time_left(monkeypatch) -> None:
    text = shown(monkeypatch, io.StringIO(), True)
    assert "simulating:   0%|" in text
    assert "simulating: 100%|" in text
    assert "10/10 s [" in text
    assert "left]" in text


def test_unasked_it_shows_on_a_terminal_only_and_not_for_short_runs(monkeypatch) -> None:
    assert shown(monkeypatch, Terminal(), False) == ""
    assert shown(monkeypatch, Terminal(), None) == ""
    assert shown(monkeypatch, io.StringIO(), None) == ""
    monkeypatch.setattr(progress, "_DELAY", 0.0)
    assert "%|" in shown(monkeypatch, Terminal(), None)


def test_a_function_is_told_now_and_then_and_at_the_end(monkeypatch) -> None:
    clock = iter([0.0, 0.05, 0.2, 0.25, 0.5])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    calls: list[RunProgress] = []
    with ProgressReport(calls.append, 8.0) as report:
        for _ in range(3):
            report.advance(2.0)
    assert [(c.done, c.total, c.seconds) for c in calls] == [(4.0, 8.0, 0.2), (6.0, 8.0, 0.5)]
    assert calls[0].left == pytest.approx(0.2)  # half is done
    assert calls[0].share == 0.5
    assert calls[1].left == pytest.approx(0.5 / 3)
    assert RunProgress(0.0, 8.0, 1.0).left == math.inf
    assert (RunProgress(0.0, 0.0, 1.0).left, RunProgress(0.0, 0.0, 1.0).share) == (0.0, 1.0)


def test_threads_add_up() -> None:
    calls: list[RunProgress] = []
    with ProgressReport(calls.append, 800.0) as report:
        threads = [
            threading.Thread(target=lambda: [report.advance(1.0) for _ in range(200)]) for _ in range(4)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert calls[-1].done == 800.0


def test_something_else_is_refused() -> None:
    with pytest.raises(DescriptionError, match="progress"):
        ProgressReport("yes", 1.0)  # type: ignore[arg-type]
