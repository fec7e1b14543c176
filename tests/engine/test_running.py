"""Long runs on the engine: to a file, interrupted, and carried on."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import program, progress
from neurosim.engine.interruption import Interruption
from neurosim.errors import NumericsError


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_FIRST_STEPS", 64)
    monkeypatch.setattr(program, "_STEPS", 128)
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)


def network() -> ns.Network:
    net = ns.Network(dt=1e-3, seed=2)
    net.input("in", 12)
    net.population("a", 25, ns.LIF(tau_membrane=10e-3, threshold=0.7))
    net.connect(
        "in",
        "a",
        ns.AllToAll(),
        weight=ns.Normal(0.2, 0.2),
        delay=ns.Uniform(1e-3, 9e-3),
        plasticity=ns.STDP(),
    )
    net.connect("a", "a", ns.FixedProbability(0.3), weight=-0.1, delay=ns.Uniform(1e-3, 30e-3))
    return net


RECORD = {"a": ns.Record("spikes", "v", every=2e-3, neurons=[3, 1])}


@pytest.fixture(scope="module")
def noise() -> ns.Spikes:
    return ns.Spikes.from_dense(np.random.default_rng(0).random((1000, 4, 12)) < 0.05, dt=1e-3)


def interrupt(monkeypatch: pytest.MonkeyPatch, ranges: int) -> None:
    """As if Ctrl-C was pressed at step 300 or later, when all ranges of samples have begun."""
    met = threading.Barrier(ranges)

    class Pressed(Interruption):
        def until(self, range_of_samples: int, step: int, stop: int) -> int:
            allowed = super().until(range_of_samples, step, stop)
            if step == 0:
                met.wait(timeout=30)
            if step >= 300:
                self.request()
            return allowed

    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "Interruption", Pressed)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("to", [None, "run.h5"])
def test_an_interrupted_run_goes_on_bit_for_bit(
    noise: ns.Spikes, threads: int, to: str | None, tmp_path, monkeypatch
) -> None:
    net, file = network(), None if to is None else tmp_path / to
    whole = ns.simulate(net, {"in": noise}, record=RECORD)
    interrupt(monkeypatch, ranges=threads)
    with pytest.raises(ns.Interrupted) as cut:
        ns.simulate(net, {"in": noise}, record=RECORD, threads=threads, to=file)
    monkeypatch.undo()
    part = cut.value.recording
    steps = part.steps
    assert 300 <= steps < 1000
    assert part.held.tolist() == [steps] * 4
    assert part.final_state.step == steps
    for found in (part,) if file is None else (part, ns.load_recording(file)):
        assert found["a"].spikes == whole.between(0, steps)["a"].spikes
        assert np.array_equal(found["a"].v, whole.between(0, steps)["a"].v)
    part.final_state.save(tmp_path / "state.h5", net)
    state = ns.State.load(tmp_path / "state.h5", net)
    rest = ns.simulate(net, {"in": noise.shift(-steps).resize(1000 - steps)}, record=RECORD, state=state)
    assert rest["a"].spikes == whole.between(steps, 1000)["a"].spikes
    assert np.array_equal(rest["a"].v, whole.between(steps, 1000)["a"].v)
    assert len(rest["a"].spikes) > 500
    assert rest.final_state.same(whole.final_state)
    assert np.array_equal(rest.weights["in->a"], whole.weights["in->a"])


def test_what_is_streamed_is_what_is_held_in_memory(noise: ns.Spikes, tmp_path) -> None:
    held = ns.simulate(network(), {"in": noise}, record=RECORD, threads=1)
    calls: list[float] = []
    show = lambda done: calls.append(done.share)  # noqa: E731
    streamed = ns.simulate(
        network(), {"in": noise}, record=RECORD, threads=2, to=tmp_path / "run.h5", progress=show
    )
    assert streamed["a"].spikes == held["a"].spikes
    assert np.array_equal(streamed["a"].v, held["a"].v)
    assert np.array_equal(streamed.weights["in->a"], held.weights["in->a"])
    assert streamed.final_state.same(held.final_state)
    assert np.array_equal(ns.load_recording(tmp_path / "run.h5").weights["in->a"], held.weights["in->a"])
    assert calls == sorted(calls)
    assert len(calls) > 10
    assert calls[-1] == pytest.approx(1.0)


def test_an_error_in_the_middle_leaves_what_was_recorded(tmp_path) -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 1)
    grows = ns.LIF(reset=ns.Reset.BY_SUBTRACTION, tau_membrane=1e-4, discretisation=ns.Discretisation.EULER)
    net.population("loop", 1, grows)
    net.connect("in", "loop", ns.AllToAll(), weight=-1.0)
    with pytest.raises(NumericsError):
        ns.simulate(net, {"in": np.ones((400, 1, 1))}, record={"loop": "v"}, to=tmp_path / "run.h5")
    found = ns.load_recording(tmp_path / "run.h5.part")
    assert 64 <= found.steps < 400
    assert np.isfinite(found["loop"].v).all()


def test_a_thread_that_cannot_be_started_leaves_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = sys.modules["neurosim.engine.simulate"]

    class Exhausted(simulation.ThreadPoolExecutor):
        def submit(self, function, *arguments):
            if function.__name__ == "part" and arguments == (2,):
                raise RuntimeError("can't start new thread")
            return super().submit(function, *arguments)

    monkeypatch.setattr(simulation, "WORTH_SPLITTING", 0)
    monkeypatch.setattr(simulation, "ThreadPoolExecutor", Exhausted)
    net, errors = network(), []

    def run() -> None:
        try:
            ns.simulate(net, duration=1.0, threads=3)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert errors == ["can't start new thread"]
