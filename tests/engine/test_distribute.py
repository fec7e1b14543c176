"""Batches and sweeps on a cluster of processes: the same results, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.engine import progress
from neurosim.engine.distribute import network_bytes, network_of_bytes, run_tasks
from neurosim.engine.interruption import Interrupted
from neurosim.engine.lower import lower
from neurosim.engine.progress import RunProgress
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.engine.sweep import SweepFailed, grid, sweep
from neurosim.errors import DescriptionError
from neurosim.network import Network
from neurosim.network_file import network_hash
from neurosim.neurons.lif import LIF
from neurosim.sources import PoissonSource
from neurosim.spikes import Spikes

distributed = pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)  # functions are told at once, not ten times a second


@pytest.fixture(scope="module")
def client() -> Iterator[object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask's own: ports in use, dashboards that are not installed
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def network(weight: float = 0.6) -> Network:
    net = Network(dt=1e-3, seed=1)
    net.input("in", 5)
    net.population("p", 8, LIF(tau_membrane=10e-3))
    net.connect("in", "p", AllToAll(), weight=weight, delay=2e-3)
    net.connect("p", "p", AllToAll(), weight=-0.05, delay=3e-3)
    net.output("p")
    return net


@pytest.fixture(scope="module")
def spikes() -> Spikes:
    return Spikes.from_dense(np.random.default_rng(0).random((60, 5, 5)) < 0.3, dt=1e-3)


# --- what runs on the workers. Functions of a test module cannot be imported there: Dask sends their code along if they
# belong to __main__, so these are given to it as such


def as_sent(function):
    function.__module__ = "__main__"
    return function


@as_sent
def identity(shared, task):
    return shared, task, os.getpid()


@as_sent
def victim(marks: str, task: int) -> int:
    """Says where it runs, and waits to be killed if it is the first."""
    mark = Path(marks) / str(task)
    first = not mark.exists()
    mark.write_text(str(os.getpid()))
    while task == 3 and first:
        time.sleep(0.02)
    return task * task


@as_sent
def measure(weight: float, seed: int = 0) -> dict[str, object]:
    if weight < 0:
        raise ValueError("negative")
    return {"sum": weight + seed, "values": np.full(3, weight)}


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_networks_travel_as_the_bytes_of_their_file() -> None:
    net = network()
    assert network_hash(network_of_bytes(network_bytes(net))) == network_hash(net)


def test_a_batch_on_workers_is_the_batch_here(client, spikes: Spikes, tmp_path) -> None:
    """Also while one of the workers is killed, when it goes on from a state, and into a file."""
    net, record = network(), {"p": Record("spikes", "counts", "v", every=2e-3)}
    first = simulate(net, {"in": spikes.resize(30)}, record=record)
    for state, given in ((None, spikes), (first.final_state, spikes.resize(30))):
        expected = simulate(net, {"in": given}, record=record, state=state)
        pids = list(client.run(os.getpid).values()) if state is None else []

        def once(progress: RunProgress, pids: list[int] = pids) -> None:
            if pids:
                kill(pids[0])
                pids.clear()

        options = {"record": record, "state": state, "progress": once if pids else None}
        to = tmp_path / "run.h5" if state else None
        found = simulate(net, {"in": given}, client=client, to=to, **options)
        assert not pids
        assert len(expected["p"].spikes) > 50
        assert found["p"].spikes == expected["p"].spikes
        assert np.array_equal(found["p"].counts, expected["p"].spikes.counts())
        assert np.array_equal(found["p"].v, expected["p"].v)
        assert found.final_state.same(expected.final_state)
    with pytest.raises(DescriptionError, match="only a network"):
        simulate(lower(net), {"in": spikes}, client=client)


def test_what_a_batch_draws_does_not_depend_on_where_it_runs(client) -> None:
    net = Network(dt=1e-3)
    net.input("in", 20, source=PoissonSource(rate=100.0))
    net.population("p", 8, LIF(tau_membrane=10e-3))
    net.connect("in", "p", AllToAll(), weight=0.2)
    here = simulate(net, duration=0.05, samples=6, seed=3)
    assert len(here["p"].spikes) > 50
    assert simulate(net, duration=0.05, samples=6, seed=3, client=client)["p"].spikes == here["p"].spikes


def test_an_interrupted_batch_keeps_the_ranges_that_are_done(client, spikes: Spikes) -> None:
    def interrupt(done: RunProgress) -> None:
        if not seen:
            signal.raise_signal(signal.SIGINT)
        seen.append(done)

    seen: list[RunProgress] = []
    with pytest.raises(Interrupted) as cut:
        simulate(network(), {"in": spikes}, client=client, progress=interrupt)
    held = cut.value.recording.held
    assert set(held.tolist()) == {0, 60}
    assert cut.value.recording.final_state is None
    expected = simulate(network(), {"in": spikes})["p"].spikes.select(np.flatnonzero(held))
    assert cut.value.recording["p"].spikes.select(np.flatnonzero(held)) == expected


@pytest.mark.parametrize("failures", [3, 0])
def test_a_killed_worker_loses_nothing(client, tmp_path, failures: int, monkeypatch) -> None:
    """Whether the scheduler runs its task again, or blames the task and gives up."""
    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", failures)
    results, killed = {}, False
    tasks = list(range(8))
    stopped_by = time.monotonic() + 60

    def look() -> bool:
        nonlocal killed
        mark = tmp_path / "3"
        if not killed and len(results) >= 3 and mark.exists() and mark.read_text():
            kill(int(mark.read_text()))
            killed = True
        return time.monotonic() > stopped_by

    for i, result in run_tasks(client, victim, tasks, str(tmp_path), look):
        results[i] = result
    assert killed
    assert results == {i: i * i for i in tasks}


def test_errors_of_tasks_come_as_results(client) -> None:
    found = dict(run_tasks(client, identity, [1, 2], "s"))
    assert [found[i][:2] for i in (0, 1)] == [("s", 1), ("s", 2)]


@pytest.mark.parametrize("where", ["here", "cluster"])
def test_sweeps_keep_what_is_done(where: str, request, tmp_path) -> None:
    client = request.getfixturevalue("client") if where == "cluster" else None
    folder = tmp_path / "results"
    parameters = grid(weight=[1.0, 2.0, -1.0], seed=range(2))
    calls: list[float] = []
    with pytest.raises(
        SweepFailed, match=r"2 of 6 runs failed, the first with ValueError: negative"
    ) as failed:
        sweep(measure, parameters, client=client, folder=folder, progress=lambda p: calls.append(p.done))
    assert calls[-1] == 6
    assert set(failed.value.errors) == {4, 5}
    assert [r and r["sum"] for r in failed.value.results] == [1.0, 2.0, 2.0, 3.0, None, None]
    written = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert len(written) == 4
    again = sweep(measure, parameters[3::-1], client=client, folder=folder)
    assert [r["sum"] for r in again] == [3.0, 2.0, 2.0, 1.0]
    assert again[0]["values"].tolist() == [2.0] * 3
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == written


def test_a_sweep_over_networks(client, spikes: Spikes) -> None:
    options = {"inputs": {"in": spikes}, "record": {"p": "spikes"}}
    parameters = grid(weight=[0.4, 0.8])
    here = sweep(network, parameters, simulate=options)
    there = sweep(
        as_sent(lambda weight: network_of_bytes(made[weight])), parameters, simulate=options, client=client
    )
    weak, strong = (len(r["p"].spikes) for r in here)
    assert weak < strong
    for a, b in zip(here, there, strict=True):
        assert a["p"].spikes == b["p"].spikes


made = {weight: network_bytes(network(weight)) for weight in (0.4, 0.8)}


def test_something_else_is_no_client() -> None:
    with pytest.raises(DescriptionError, match="client"):
        sweep(measure, [{"weight": 1.0}], client="tcp://somewhere")
    with pytest.raises(DescriptionError, match="mappings"):
        sweep(measure, [1.0])  # type: ignore[list-item]
