"""Workers and rounds, with a system that runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks import race as race_module
from benchmarks.case import Case
from benchmarks.process import WorkerError, WorkerProcess
from benchmarks.race import Options, entries, race
from benchmarks.row import Missing, Row
from benchmarks.systems import SYSTEMS, System

CASE = Case(
    name="c",
    kind="cuba",
    arrays="",
    neurons=10,
    synapses=50,
    steps=20,
    dt=1e-3,
    fan_out=5.0,
    input_events=7.0,
)


Stub = Callable[..., System]


def test_a_row_holds_the_median_of_the_rounds(stub: Stub) -> None:
    (row,) = race(CASE, Options(), [(stub(), 1)])
    assert isinstance(row, Row)
    assert row.repeats == (0.5, 1.0, 1.5)
    assert row.seconds == 1.0
    assert (row.spikes, row.work) == (102, 102 * 5 + 7)
    assert (row.neurons, row.synapses, row.steps) == (10, 50, 20)
    assert row.ns_per_event == pytest.approx(1e9 / 517)
    assert row.neuron_updates_per_second == pytest.approx(200.0)
    assert (row.version, row.memory, row.note) == ("1.2", 2**20, "1 thread(s), 3 runs")
    assert row.build_seconds > 0
    assert row.bytes_per_event is None


def test_parts_of_a_run_are_medians_and_the_end_may_know_better(stub: Stub) -> None:
    """A training step tells its parts at every repeat, its spikes and events at the end."""
    parts = {"forward": 0.25, "backward": 0.5, "optimiser": 0.25}
    (row,) = race(CASE, Options(), [(stub(parts=parts, fields={"spikes": 7, "work": 50.0}), 1)])
    assert isinstance(row, Row)
    assert (row.forward_seconds, row.backward_seconds, row.optimiser_seconds) == (0.25, 0.5, 0.25)
    assert (row.spikes, row.work, row.ns_per_event) == (7, 50.0, pytest.approx(2e7))


def test_quick_is_one_round_and_slow_systems_stop_early(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = race(CASE, Options(quick=True), [(stub(), 1)])
    assert isinstance(row, Row)
    assert row.repeats == (0.5,)
    (row,) = race(CASE, Options(quick=True), [(stub(), 1)], rounds=5)
    assert isinstance(row, Row)
    assert len(row.repeats) == 1
    (row,) = race(CASE, Options(), [(stub(), 1)], rounds=5)
    assert isinstance(row, Row)
    assert len(row.repeats) == 5
    monkeypatch.setattr(race_module, "BUDGET", 1.2)
    slow, fast = race(CASE, Options(), [(stub(), 1), (stub("fast", seconds=0.1), 1)])
    assert isinstance(slow, Row)
    assert isinstance(fast, Row)
    assert len(slow.repeats) == 2  # 0.5 s, then 1.0 s: enough
    assert len(fast.repeats) == 3


def test_what_is_missing_or_fails_is_a_line(stub: Stub) -> None:
    kinds = ("missing", "build", "run", "dies")
    found = list(
        race(CASE, Options(quick=True), [(stub(kind, fails=kind), 1) for kind in kinds] + [(stub(), 1)])
    )
    reasons = {m.system: m.reason for m in found if isinstance(m, Missing)}
    assert "a_package_that_nobody_has" in reasons["missing"]
    assert "not installed" in reasons["missing"]
    assert "no such network" in reasons["build"]
    assert "blew up" in reasons["run"]
    assert reasons["dies"] == "its process ended with 3"
    assert [row.system for row in found if isinstance(row, Row)] == ["stub"]


def test_another_interpreter_can_be_absent(stub: Stub) -> None:
    options = Options(quick=True, pythons={"stub": "/nowhere/python"})
    (found,) = race(CASE, options, [(stub("stub-x"), 1)])  # by family
    assert isinstance(found, Missing)
    assert "/nowhere/python" in found.reason


def test_a_worker_cannot_run_before_it_has_built(stub: Stub) -> None:
    with WorkerProcess(stub(), 1) as worker, pytest.raises(WorkerError, match="nothing has been built"):
        worker.run()


def test_bounds_are_of_ours_alone(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race_module, "memory_bandwidth", lambda threads: 1e6)
    with WorkerProcess(stub("neurosim"), 1) as worker:
        worker.build(CASE)
        row = race_module.row_of(CASE, worker, [0.5, 0.5], [100, 100], {"bytes_moved": 1014.0})
        worker.system = stub("peer")
        peer = race_module.row_of(CASE, worker, [0.5, 0.5], [100, 100], {"bytes_moved": 1014.0})
    assert row.bytes_per_event == pytest.approx(2.0)
    assert row.share_of_bandwidth == pytest.approx(1014.0 / 0.5 / 1e6)
    assert peer.bytes_per_event is None


def test_who_takes_part() -> None:
    names = [(system.name, threads) for system, threads in entries(CASE, Options())]
    assert ("neurosim", 1) in names
    assert ("neurosim-f32", 2) in names
    assert ("brian2-cython", 1) in names
    assert ("brian2-cython", 2) not in names  # has no threads
    assert not any(name.startswith("torch") for name, _ in names)  # runs no such network
    assert {system.name for system, _ in entries(CASE, Options(peers=()))} == {"neurosim", "neurosim-f32"}
    liquid = replace(CASE, kind="liquid")
    family = {system.name for system, _ in entries(liquid, Options(peers=("torch", "nest"), threads=(1,)))}
    wanted = {name for name in SYSTEMS if name.startswith(("neurosim", "torch", "nest"))}
    assert family == {name for name in wanted if "liquid" in SYSTEMS[name].kinds}
    assert {"neurosim", "nest", "torch-dense"} < family
    with pytest.raises(KeyError):
        entries(CASE, Options(peers=("brian",)))
