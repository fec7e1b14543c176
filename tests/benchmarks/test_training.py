"""The cases of training, on processors and GPUs, and who runs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import training
from benchmarks.case import Case
from benchmarks.race import Options, entries
from benchmarks.row import Missing, Row


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_CACHE", str(tmp_path))


def names(case: Case) -> list[str]:
    return [system.name for system, _ in entries(case, Options(threads=(1,)))]


def raced(monkeypatch: pytest.MonkeyPatch, options: Options) -> list[Case]:
    """The cases that the task hands to the race."""
    found: list[Case] = []

    def race(case: Case, options: Options) -> Iterator[Row | Missing]:
        found.append(case)
        return iter(())

    monkeypatch.setattr(training, "race", race)
    list(training.run(options))
    return found


def test_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "has_gpu", lambda: False)
    step, recurrent = raced(monkeypatch, Options(cases=("step", "step-recurrent")))
    assert (step.name, step.samples, step.steps, step.synapses) == ("step", 128, 100, 249_856)
    assert names(step) == ["neurosim-nn", "snntorch", "spikingjelly", "norse", "torch-loop", "torch-compile"]
    assert recurrent.parameters["sizes"] == [700, 256, 20]
    assert names(recurrent) == ["neurosim-nn", "snntorch", "torch-loop", "torch-compile"]


def test_a_gpu_has_cases_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "has_gpu", lambda: True)
    (case,) = raced(monkeypatch, Options(cases=("step-gpu",)))
    assert case.parameters["device"] == "cuda"


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_is_found_by_pytorch(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: there))
    monkeypatch.setitem(sys.modules, "torch", fake)
    assert training.has_gpu() is there
    monkeypatch.setitem(sys.modules, "torch", None)
    assert training.has_gpu() is False
