"""The compiled loop: results do not depend on threads, on batches, or on where a run is cut; blow-ups are placed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import neurosim as ns
from neurosim.errors import DataError, NumericsError
from neurosim.sources.source import Source

DT = 1e-3
STEPS = 150
EVERYTHING = {
    "a": ns.Record("spikes", "v"),
    "b": ns.Record("spikes", "v", "i"),
    "c": ns.Record("spikes", "v"),
}


def network() -> ns.Network:
    """Two stages, a zero delay inside a loop, rings of sums and of counts, drives, a source and learning."""
    net = ns.Network(dt=DT, seed=5)
    net.input("given", 40)
    net.input("drawn", 30, source=ns.PoissonSource(rate=40.0))
    net.population("a", 70, ns.LIF(threshold=1.0, refractory=2e-3))
    net.population("b", 50, ns.CurrentLIF(threshold=0.4))
    net.population("c", 90, ns.LIF(threshold=1.0))
    net.connect("given", "a", ns.FixedProbability(0.3), weight=ns.Normal(0.2, 0.1), delay=ns.Uniform(0, 6e-3))
    net.connect("drawn", "a", ns.FixedProbability(0.3), weight=0.2, delay=1e-3)
    net.connect(
        "a", "a", ns.FixedProbability(0.2), weight=ns.Normal(0.01, 0.05), delay=ns.Uniform(2e-3, 9e-3)
    )
    net.connect("a", "b", ns.FixedProbability(0.3), weight=0.1)
    net.connect("b", "a", ns.FixedProbability(0.3), weight=-0.02, delay=3e-3)
    net.connect("a", "c", ns.FixedProbability(0.5), weight=0.05, delay=2e-3)
    net.connect("b", "c", ns.AllToAll(), weight=0.05, delay=1e-3)
    net.connect(
        "c", "c", ns.FixedProbability(0.2), weight=0.02, delay=1e-3, plasticity=ns.STDP(), name="learns"
    )
    net.drive("a", ns.NoiseDrive(std=0.5))
    net.drive("c", ns.PoissonDrive(rate=20.0, weight=0.1))
    net.drive("b", ns.CurrentDrive(values=np.array([0.1, 0.3]), every=0.05))
    return net


NET = network()
SPIKES = ns.Spikes.from_dense(np.random.default_rng(0).poisson(0.05, (STEPS, 3, 40)), dt=DT)


def bits(recording: ns.Recording) -> dict[str, Any]:
    found: dict[str, Any] = {"weights": recording.weights["learns"].tobytes()}
    for name, part in recording.items():
        assert part.spikes is not None
        found[name] = part.spikes
        found |= {f"{name}.{variable}": values.tobytes() for variable, values in part.variables.items()}
    return found


@pytest.fixture(scope="module")
def whole() -> ns.Recording:
    return ns.simulate(NET, {"given": SPIKES}, record=EVERYTHING, threads=1, seed=3)


def test_the_network_is_busy(whole: ns.Recording) -> None:
    assert all(len(part.spikes or ()) > 200 for part in whole.values())


@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize("precision", list(ns.Precision))
def test_any_number_of_threads_gives_the_same_bits(
    threads: int, precision: ns.Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
    options: dict[str, Any] = {"record": EVERYTHING, "precision": precision, "seed": 3}
    for inputs in (SPIKES, SPIKES.select([1])):  # threads by samples, and by neurons
        one = ns.simulate(NET, {"given": inputs}, threads=1, **options)
        several = ns.simulate(NET, {"given": inputs}, threads=threads, **options)
        assert bits(one) == bits(several)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, STEPS - 1), max_size=4, unique=True).map(sorted))
def test_a_run_that_is_cut_anywhere_goes_on_bit_for_bit(whole: ns.Recording, cuts: list[int]) -> None:
    state, traces, spikes = None, [], []
    for begin, end in zip([0, *cuts], [*cuts, STEPS], strict=True):
        part = SPIKES.shift(-begin).resize(end - begin)
        r = ns.simulate(NET, {"given": part}, (end - begin) * DT, record=EVERYTHING, state=state, seed=3)
        state = r.final_state
        traces.append({name: r[name].v for name in r})
        spikes.append({name: r[name].spikes.resize(STEPS).shift(begin) for name in r})
    for name in EVERYTHING:
        assert np.concatenate([t[name] for t in traces]).tobytes() == whole[name].v.tobytes()
        assert sum(len(s[name]) for s in spikes) == len(whole[name].spikes)
    assert r.weights["learns"].tobytes() == whole.weights["learns"].tobytes()
    assert state is not None
    assert state.step == STEPS


def test_a_sample_does_not_depend_on_its_batch(whole: ns.Recording) -> None:
    net = ns.Network(dt=DT, seed=5)
    net.input("given", 40)
    net.population("a", 70, ns.LIF())
    net.connect("given", "a", ns.FixedProbability(0.3), weight=ns.Normal(0.2, 0.1))
    batch = ns.simulate(net, {"given": SPIKES}, record={"a": ns.Record("v")})["a"].v
    alone = ns.simulate(net, {"given": SPIKES.select([2])}, record={"a": ns.Record("v")})["a"].v
    assert np.array_equal(batch[:, 2], alone[:, 0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("step", [0, 37, 64, 130])
def test_a_blow_up_is_placed_to_the_step(step: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["neurosim.engine.simulate"], "WORTH_SPLITTING", 0)
    net = ns.Network(dt=DT)
    net.input("in", 1)
    net.population("fine", 5, ns.LIF())
    net.population("bad", 300, ns.LeakyIntegrator())
    net.connect("in", "bad", ns.Sparse([0, 0, 0], [7, 7, 7]), weight=[1.7e308] * 3)
    counts = np.zeros((STEPS, 1, 1), np.int64)
    counts[step] = 1
    with pytest.raises(
        NumericsError, match=rf"v became NaN or infinite at step {step}.*'bad'|'bad'.*neuron 7"
    ):
        ns.simulate(net, {"in": counts}, threads=threads)


def test_a_blow_up_that_a_reset_hides_is_reported() -> None:
    net = ns.Network(dt=DT)
    net.input("in", 2)
    net.population("bad", 1, ns.LIF(refractory=2e-3, refractory_input=ns.RefractoryInput.INTEGRATE))
    net.connect("in", "bad", ns.AllToAll(), weight=1.7e308)
    with pytest.raises(NumericsError, match=r"'bad'.*v became NaN or infinite at step 1"):
        ns.simulate(net, {"in": np.ones((2, 1, 2), np.int64)}, 20 * DT)


@pytest.mark.parametrize("weight", [1e39, [[-1e39, 1.0]]])
def test_weights_beyond_single_precision_are_named(weight: Any) -> None:
    net = ns.Network(dt=DT)
    net.input("in", 1)
    net.population("a", 2, ns.LIF())
    net.connect("in", "a", ns.AllToAll(), weight=weight)
    with pytest.raises(NumericsError, match=r"'in->a'.*too large for float32"):
        ns.simulate(net, duration=0.01, precision=ns.Precision.SINGLE)


class Liar(Source):
    """Emits two spikes where it promises one."""

    def most(self, dt: float) -> int:
        return 1

    def spikes(
        self, shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range, key: int
    ) -> ns.Spikes:
        return ns.Spikes.from_dense(np.full((stop - first, len(samples), *shape), 2), dt=dt)


def test_a_source_that_emits_more_than_it_says_is_refused() -> None:
    net = ns.Network(dt=DT)
    net.input("in", 1, source=Liar())
    net.population("a", 1, ns.LIF())
    net.connect("in", "a", ns.AllToAll())
    with pytest.raises(DataError, match=r"'in'.*more than it says.*Liar\.most"):
        ns.simulate(net, duration=0.01)


def test_a_current_that_blows_up_behind_a_finite_potential_is_found_within_a_block() -> None:
    net = ns.Network(dt=DT)
    net.input("in", 1)
    net.population("a", 3, ns.CurrentLIF(threshold=1e300))  # resets v whenever it is infinite
    net.connect("in", "a", ns.AllToAll(), weight=1.7e308)
    with pytest.raises(NumericsError, match=r"'a'.*i became NaN or infinite by step 63"):
        ns.simulate(net, {"in": np.ones((600, 1, 1), np.int64)})
