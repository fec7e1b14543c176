import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.lower import lower
from neurosim.engine.program import Program
from neurosim.errors import DataError, DescriptionError, NumericsError, ShapeError


def recurrent(seed: int = 0) -> ns.Network:
    """Loops of several delays, a zero delay inside a loop, two stages."""
    net = ns.Network(dt=1e-3, seed=seed)
    net.input("in", (2, 6, 6))
    net.population("a", 40, ns.LIF(tau_membrane=10e-3, threshold=0.7, refractory=2e-3))
    net.population("b", 30, ns.CurrentLIF(threshold=0.3))
    net.population("out", 4, ns.LIF(threshold=0.8))
    net.connect("in", "a", ns.AllToAll(), weight=ns.Normal(0.1, 0.2), delay=ns.Uniform(0, 9e-3))
    net.connect("a", "b", ns.FixedProbability(0.3), weight=ns.Normal(0.3, 0.3))
    net.connect("b", "a", ns.FixedProbability(0.3), weight=ns.Normal(0, 0.3), delay=ns.Uniform(2e-3, 7e-3))
    net.connect("a", "a", ns.FixedProbability(0.2), weight=ns.Normal(0, 0.2), delay=3e-3)
    net.connect("b", "out", ns.AllToAll(), weight=ns.Normal(0.1, 0.3), delay=ns.Uniform(0, 70e-3))
    net.output("out")
    return net


@pytest.fixture(scope="module")
def noise() -> ns.Spikes:
    return ns.Spikes.from_dense(np.random.default_rng(0).random((200, 6, 2, 6, 6)) < 0.08, dt=1e-3)


RECORD = {"a": ns.Record("spikes", "v"), "b": ns.Record("spikes", "v", "i"), "out": ns.Record("spikes", "v")}


def test_engine_is_the_plain_loop_over_steps(noise: ns.Spikes) -> None:
    """Against a dense NumPy loop that knows nothing of stages, blocks, rings or threads."""
    net = recurrent()
    plan = lower(net)
    x = noise.select([0])
    r = ns.simulate(net, {"in": x}, record=RECORD)
    counts = {"in": x.dense()[:, 0].reshape(x.steps, -1)}
    counts |= {name: np.zeros((x.steps, p.size)) for name, p in plan.populations.items()}
    from neurosim.engine.plain_neurons import initial_state, update_reference

    state = {n: initial_state(p.model, plan.dt, 1, p.size)[:, 0] for n, p in plan.populations.items()}
    for k in range(x.steps):
        for name in ("a", "b", "out"):
            arrivals = np.zeros(plan.populations[name].size)
            for p in plan.incoming(name):
                when = k - p.delay
                past = np.where(when >= 0, counts[p.pre][np.maximum(when, 0), p.pre_index], 0)
                np.add.at(arrivals, p.target, past * p.weight)
            counts[name][k] = update_reference(plan.populations[name].model, plan.dt, state[name], arrivals)
        for name in ("a", "b", "out"):
            # sums are formed in another order: a few ulp of values near one
            assert np.allclose(r[name].v[k, 0], state[name][0], atol=1e-12), (name, k)
    for name in ("a", "b", "out"):
        assert np.array_equal(r[name].spikes.dense()[:, 0], counts[name])
        assert counts[name].sum() > 50


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_results_do_not_depend_on_the_number_of_threads(
    noise: ns.Spikes, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
    one = ns.simulate(recurrent(), {"in": noise}, record=RECORD, threads=1)
    many = ns.simulate(recurrent(), {"in": noise}, record=RECORD, threads=threads)
    single = ns.simulate(
        recurrent(), {"in": noise.select([2])}, record=RECORD, threads=threads
    )  # split by targets
    for name in RECORD:
        assert many[name].spikes == one[name].spikes
        assert np.array_equal(many[name].v, one[name].v)
        assert np.array_equal(single[name].v[:, 0], one[name].v[:, 2])


@pytest.mark.parametrize("to", [None, "run.h5"])
def test_counts_are_the_counts_of_the_spikes(
    noise: ns.Spikes, to: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of batches, of one sample whose neurons are shared out, and of a run that goes on."""
    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
    path = None if to is None else tmp_path / to
    both = {"a": ns.Record("counts", "spikes", neurons=[1], every=5e-3), "b": ns.Record("v", "counts")}
    for x in (noise, noise.select([2])):
        expected = ns.simulate(recurrent(), {"in": x}, record=RECORD)
        found = ns.simulate(recurrent(), {"in": x}, record=both, threads=3, to=path)
        for name in both:
            assert np.array_equal(found[name].counts, expected[name].spikes.counts())
            assert np.array_equal(found[name].spike_counts(), expected[name].spike_counts())
            assert found[name].counts.sum() > 50
        assert found["a"].spikes == expected["a"].spikes
        assert (found["b"].spikes, found["b"].recorded) == (None, ("counts", "v"))
    first = ns.simulate(recurrent(), {"in": noise.resize(70)}, record=both)
    rest = noise.shift(-70).resize(130)
    then = ns.simulate(recurrent(), {"in": rest}, record=both, state=first.final_state, to=path)
    whole = ns.simulate(recurrent(), {"in": noise}, record=both)
    assert np.array_equal(first["b"].counts + then["b"].counts, whole["b"].counts)


def test_spikes_that_fill_their_buffers_are_handed_over_in_parts(
    noise: ns.Spikes, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ns.simulate(recurrent(), {"in": noise}, record=RECORD, threads=1)
    monkeypatch.setattr(sys.modules["neurosim.engine.recorded_spikes"], "_SPIKES", 100)
    found = ns.simulate(recurrent(), {"in": noise}, record={**RECORD, "b": ns.Record("spikes", "counts")})
    for name in RECORD:
        assert found[name].spikes == expected[name].spikes
    assert np.array_equal(found["b"].counts, expected["b"].spikes.counts())


def test_record_chooses_variables_interval_and_neurons(noise: ns.Spikes) -> None:
    every = ns.simulate(recurrent(), {"in": noise}, record=RECORD)["a"].v
    some = ns.simulate(recurrent(), {"in": noise}, record={"a": ns.Record("v", every=5e-3, neurons=[3, 0])})[
        "a"
    ]
    assert (some.spikes, some.counts, some.spike_counts()) == (None, None, None)
    assert np.array_equal(some.v, every[::5][:, :, [3, 0]])
    with pytest.raises(AttributeError, match="recorded"):
        _ = some.u
    assert repr(some).startswith("PopulationRecording(v [")
    assert "array" not in repr(some)


def test_shapes_of_recordings_follow_the_population() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 3)
    net.population("p", (2, 4, 5), ns.LIF())
    net.connect("in", "p", ns.AllToAll())
    r = ns.simulate(net, {"in": np.ones((7, 2, 3))}, record={"p": ns.Record("v", "spikes", "counts")})["p"]
    assert r.v.shape == (7, 2, 2, 4, 5)
    assert (r.counts.shape, r.spike_counts().shape) == ((2, 2, 4, 5), (2, 40))
    assert r.spikes is not None
    assert r.spikes.dense().shape == (7, 2, 2, 4, 5)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"inputs": {"eye": np.zeros((1, 1, 1))}}, DataError, "eye"),
        ({"inputs": {"in": np.zeros((5, 1, 3))}}, ShapeError, r"\(3,\)"),
        ({"inputs": {"in": ns.Spikes([], [], [], shape=72, dt=2e-3, steps=5)}}, DataError, "time step"),
        ({}, DescriptionError, "duration"),
        ({"duration": -1.0}, DescriptionError, "duration"),
        ({"duration": 0.01, "record": {"in": "spikes"}}, DescriptionError, "not a population"),
        ({"duration": 0.01, "record": {"a": "u"}}, DescriptionError, "refractory_left"),
        ({"duration": 0.01, "record": ["a"]}, DescriptionError, "must map populations"),
        (
            {"duration": 0.01, "record": {"a": ns.Record("v", every=1.5e-3)}},
            DescriptionError,
            "multiple of dt",
        ),
        ({"duration": 0.01, "record": {"a": ns.Record("v", neurons=[40])}}, ShapeError, "0 to 39"),
        ({"duration": 0.01, "backend": "neuron"}, DescriptionError, "backend"),
        ({"duration": 0.01, "backend": "brian2", "modulators": {"x": [1.0]}}, DescriptionError, "modulators"),
        ({"duration": 0.01, "modulators": {"in->a": [1.0]}}, DescriptionError, "plastic"),
        ({"duration": "long"}, DescriptionError, "duration"),
        ({"duration": 1e15}, DescriptionError, "duration"),
        ({"inputs": [1, 2]}, DataError, "by name"),
        ({"inputs": {"in": np.full((5, 1, 2, 6, 6), "a")}}, DataError, "numbers"),
        ({"duration": 0.01, "threads": -1}, DescriptionError, "threads"),
    ],
)
def test_bad_runs_are_refused(arguments: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ns.simulate(recurrent(), **arguments)  # type: ignore[arg-type]


def test_a_batch_holds_the_working_arrays_of_one_chunk_a_thread(
    noise: ns.Spikes, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["neurosim.engine.simulate"]
    alive: weakref.WeakSet[Program] = weakref.WeakSet()
    most = []

    class Watched(Program):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            alive.add(self)
            most.append(len(alive))

    expected = ns.simulate(recurrent(), {"in": noise}, record=RECORD)
    monkeypatch.setattr(module, "Program", Watched)
    monkeypatch.setattr(module, "MEMORY_PER_RANGE", 1)
    found = ns.simulate(recurrent(), {"in": noise}, record=RECORD, threads=1)
    assert len(most) == 6  # a sample a chunk
    assert max(most) == 1
    assert found["a"].spikes == expected["a"].spikes


@pytest.mark.parametrize(
    "make",
    [
        lambda: ns.Record(5),  # type: ignore[arg-type]
        lambda: ns.Record("v", every=float("nan")),
        lambda: ns.Record("v", every=-1e-3),
        lambda: ns.Record("v", every="1ms"),  # type: ignore[arg-type]
        lambda: ns.Record("v", neurons=[1.5]),
        lambda: ns.Record("v", neurons=3),
    ],
)
def test_bad_records_are_refused(make: Callable[[], ns.Record]) -> None:
    with pytest.raises(DescriptionError, match="Record"):
        make()


def test_a_record_can_be_replaced() -> None:
    assert ns.Record("v", every=1e-3).replace(neurons=[2]) == ns.Record("v", every=1e-3, neurons=[2])


def test_the_number_of_threads_of_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSIM_THREADS", "many")
    with pytest.raises(DescriptionError, match="NEUROSIM_THREADS"):
        ns.simulate(recurrent(), {}, 0.01)


def plastic() -> ns.Network:
    net = ns.Network(dt=1e-3)
    net.input("in", 2)
    net.population("n", 2, ns.LIF())
    net.connect("in", "n", ns.AllToAll(), plasticity=ns.STDP(), name="w")
    return net


@pytest.mark.parametrize("values", [np.full(10, np.nan), "high", [None] * 10])
def test_modulators_are_finite_numbers(values: object) -> None:
    with pytest.raises(DataError, match="modulator of 'w'"):
        ns.simulate(plastic(), {}, 0.01, modulators={"w": values})  # type: ignore[dict-item]


def test_the_state_of_another_network_is_refused() -> None:
    state = ns.simulate(plastic(), {}, 0.01).final_state
    assert state is not None
    for net, parts in (
        (recurrent(), state),
        (plastic(), replace(state, extras={})),
        (plastic(), replace(state, variables={"n": {"v": np.zeros((1, 2))}})),
        (plastic(), replace(state, variables={"n": dict.fromkeys(state.variables["n"], np.zeros((1, 3)))})),
        (plastic(), replace(state, arrivals={"n": np.zeros((1, 2, 7))})),
    ):
        with pytest.raises(ShapeError, match="another network"):
            ns.simulate(net, {}, 0.01, state=parts)


def test_a_blow_up_names_population_and_steps() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 1)
    net.population(
        "loop",
        1,
        ns.LIF(
            threshold=1.0,
            reset=ns.Reset.BY_SUBTRACTION,
            tau_membrane=1e-4,
            discretisation=ns.Discretisation.EULER,
        ),
    )
    net.connect("in", "loop", ns.AllToAll(), weight=-1.0)
    with pytest.raises(NumericsError, match=r"v became NaN or infinite.*'loop'|'loop'.*v became NaN"):
        ns.simulate(net, {"in": np.ones((400, 1, 1))})


def test_an_empty_batch_and_an_empty_run() -> None:
    r = ns.simulate(recurrent(), {"in": np.zeros((0, 2, 2, 6, 6))}, record={"a": ns.Record("v", "spikes")})
    assert r["a"].v.shape == (0, 2, 40)


def test_kernels_move_to_another_folder_where_the_home_is_read_only(tmp_path: Path) -> None:
    code = (
        "import neurosim as ns; n = ns.Network(dt=1e-3); n.population('p', 1, ns.LIF(current=2.0));"
        "print(len(ns.simulate(n, {}, 0.1)['p'].spikes))"
    )
    environment = {
        **os.environ,
        "NEUROSIM_CACHE": "/proc/no",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
    assert "compiling kernels for LIF" in done.stderr
