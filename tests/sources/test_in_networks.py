"""Sources and drives in runs: stationary moments against theory, and results that do not depend on how a run is cut.

Statistical tests have fixed seeds, so they pass always or never; each says how likely a correct engine would have been
to fail when the seed was chosen.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim.sources import Drive

DT, TAU, N = 1e-3, 20e-3, 4000
A = math.exp(-DT / TAU)
FREE = ns.LIF(tau_membrane=TAU, threshold=1e9, v_rest=-5.0, resistance=2.0, current=1.5)
STATIONARY = 0.3  # s: what is left of the initial state is exp(-15)


def settled(drive: Drive, model: ns.NeuronModel = FREE, variable: str = "v", dt: float = DT) -> np.ndarray:
    """A state variable of N independent neurons, long after the start."""
    net = ns.Network(dt=dt)
    net.population("neurons", N, model)
    net.drive("neurons", drive)
    recording = ns.simulate(
        net, duration=STATIONARY + dt, record={"neurons": ns.Record(variable, every=STATIONARY)}
    )
    return recording["neurons"].variables[variable][-1, 0]


def check_moments(x: np.ndarray, mean: float, std: float, kurtosis: float = 0.0) -> None:
    """Mean and variance; 2 tests, each failing a correct engine with probability 1e-4."""
    limit = stats.norm.isf(5e-5)
    assert abs(x.mean() - mean) < limit * std / math.sqrt(x.size)
    assert abs(x.var() / std**2 - 1) < limit * math.sqrt((2 + kurtosis) / x.size)


def test_white_noise_on_a_leaky_membrane() -> None:
    v = settled(ns.NoiseDrive(mean=30.0, std=4.0))
    std = 4.0 * math.sqrt(DT / (1 - A**2))
    check_moments(v, -5.0 + 2.0 * 1.5 + 30.0 * DT / (1 - A), std)
    assert std == pytest.approx(4.0 * math.sqrt(TAU / 2), rel=DT / TAU)  # the limit of small dt
    assert stats.kstest(v, "norm", (v.mean(), v.std())).pvalue > 1e-4


def test_poisson_arrivals_on_a_leaky_membrane() -> None:
    """Campbell's theorem on the grid: mean w r dt/(1 - a), variance w^2 r dt/(1 - a^2); excess kurtosis
    (1 - a^2)^2/((1 - a^4) r dt)."""
    rate, weight = 2000.0, 0.3
    v = settled(ns.PoissonDrive(rate=rate, weight=weight))
    excess = (1 - A**2) ** 2 / ((1 - A**4) * rate * DT)
    check_moments(v, -2.0 + weight * rate * DT / (1 - A), weight * math.sqrt(rate * DT / (1 - A**2)), excess)


def test_noise_current_on_a_leaky_membrane() -> None:
    v = settled(ns.NoiseCurrent(mean=1.0, std=3.0))
    check_moments(v, -5.0 + 2.0 * 2.5, 2.0 * 3.0 * math.sqrt((1 - A) / (1 + A)))


def test_filtered_noise_is_an_ornstein_uhlenbeck_current() -> None:
    b = math.exp(-DT / 5e-3)
    i = settled(ns.NoiseDrive(std=4.0), ns.CurrentLIF(tau_synapse=5e-3, threshold=1e9), "i")
    check_moments(i, 0.0, 4.0 * math.sqrt(DT / (1 - b**2)))


@pytest.mark.parametrize(
    ("drive", "current"),
    [
        (ns.StepCurrent(amplitude=2.0, start=10e-3, stop=30e-3), lambda k: 2.0 * (10 <= k < 30)),
        (ns.SineCurrent(amplitude=2.0, frequency=30.0, phase=0.4, offset=1.0),
         lambda k: 1 + 2 * math.sin(2 * math.pi * 30 * k * DT + 0.4)),
        (ns.CurrentDrive(values=np.array([1.0, -2.0, 4.0]), every=10e-3, start=5e-3),
         lambda k: [0.0, 1.0, -2.0, 4.0, 0.0][min((k + 5) // 10, 4)]),
    ],
    ids=["step", "sine", "values"],
)  # fmt: skip
def test_currents_drive_the_membrane(drive: Drive, current: Any) -> None:
    """Against the exact solution for a current that is constant over each step."""
    net = ns.Network(dt=DT)
    net.population("neurons", 2, FREE)
    net.drive("neurons", drive)
    v = ns.simulate(net, duration=60e-3, record={"neurons": "v"})["neurons"].v
    expected = [-5.0]
    for k in range(60):
        expected.append(-5.0 + A * (expected[-1] + 5.0) + (1 - A) * 2.0 * (1.5 + current(k)))
    assert np.allclose(v[:, 0, 1], expected[1:], rtol=0, atol=1e-12)


def network() -> ns.Network:
    net = ns.Network(dt=DT, seed=2)
    net.input(
        "in", 30, source=ns.RateSchedule(rates=np.array([100.0, 20.0]), every=30e-3, ending=ns.Ending.REPEAT)
    )
    net.population("neurons", 70, ns.LIF(threshold=15.0))
    net.connect("in", "neurons", ns.FixedProbability(p=0.3), weight=0.5, delay=2e-3)
    net.drive("neurons", ns.PoissonDrive(rate=1500.0, weight=0.5))
    net.drive("neurons", ns.NoiseDrive(std=3.0))
    net.drive("neurons", ns.NoiseCurrent(std=1.0, every=7e-3))
    net.drive("neurons", ns.CurrentDrive(values=np.array([0.0, 3.0]), every=20e-3, ending=ns.Ending.REPEAT))
    return net


def same(a: ns.Recording, b: ns.Recording) -> bool:
    mine, yours = a["neurons"], b["neurons"]
    return mine.spikes == yours.spikes and np.array_equal(mine.v, yours.v)


RECORD = {"neurons": ns.Record("spikes", "v")}


def test_continuing_is_running_on() -> None:
    net = network()
    whole = ns.simulate(net, duration=0.15, record=RECORD, seed=5)
    assert whole["neurons"].spikes.counts().sum() > 100
    first = ns.simulate(net, duration=0.067, record=RECORD, seed=5)
    second = ns.simulate(net, duration=0.083, record=RECORD, seed=5, state=first.final_state)
    assert np.array_equal(np.concatenate([first["neurons"].v, second["neurons"].v]), whole["neurons"].v)


def test_sources_emit_what_can_be_drawn_apart() -> None:
    net = network()
    drawn = ns.draw_inputs(net, 0.1, seed=9)
    assert same(
        ns.simulate(net, duration=0.1, record=RECORD, seed=9), ns.simulate(net, drawn, record=RECORD, seed=9)
    )
    assert not same(
        ns.simulate(net, duration=0.1, record=RECORD, seed=9), ns.simulate(net, duration=0.1, record=RECORD)
    )


def test_samples_are_numbered_through() -> None:
    """Sample 2 of a batch does not depend on how many there are, or how many threads run them."""
    net = network()
    runs = []
    for samples, threads in ((3, 1), (5, 2)):
        drawn = ns.draw_inputs(net, 0.1, samples=samples)
        runs.append(ns.simulate(net, drawn, record=RECORD, threads=threads)["neurons"])
    assert np.array_equal(runs[0].v[:, 2], runs[1].v[:, 2])
    assert not np.array_equal(runs[0].v[:, 2], runs[0].v[:, 1])
