"""Closed forms, and a direct numerical integral for the distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from neurosim.analysis.spike_statistics import (
    firing_rate,
    interval_variation,
    spike_table,
    van_rossum_distance,
)
from neurosim.errors import DataError, ShapeError
from neurosim.random import key, uniform
from neurosim.spikes import Spikes

DT = 1e-3


def train(*steps: int, n_steps: int = 400, dt: float = DT) -> Spikes:
    zero = np.zeros(len(steps), int)
    return Spikes(zero, sorted(steps), zero, shape=1, dt=dt, steps=n_steps)


def test_rate_counts_every_spike_of_a_cell() -> None:
    spikes = Spikes([0, 0, 1], [0, 5, 3], [1, 1, 0], [1, 3, 1], shape=2, dt=DT, steps=100, samples=2)
    assert firing_rate(spikes).tolist() == [[0, 40], [10, 0]]


def test_rate_of_an_empty_run_is_refused() -> None:
    with pytest.raises(DataError, match="without steps"):
        firing_rate(train(n_steps=0))


def test_interval_variation_of_a_clock_is_zero_and_of_too_few_spikes_undefined() -> None:
    assert interval_variation(train(*range(0, 400, 7)))[0, 0] == 0
    assert np.isnan(interval_variation(train(3, 9)))[0, 0]


def test_interval_variation_of_two_alternating_intervals() -> None:
    # intervals 10 and 30 in equal number: mean 20, standard deviation 10
    steps = np.cumsum([0, *([10, 30] * 9)])
    assert interval_variation(train(*steps))[0, 0] == pytest.approx(0.5)


def test_interval_variation_of_a_bernoulli_train() -> None:
    # geometric intervals: CV = sqrt(1 - p); 200 trains of 20000 steps, standard error about 0.0005
    p, steps = 0.05, 20_000
    fired = uniform(key(1, "check", "bernoulli"), np.arange(steps * 200)).reshape(steps, 1, 200) < p
    variation = interval_variation(Spikes.from_dense(fired, dt=DT))
    assert variation.mean() == pytest.approx(np.sqrt(1 - p), abs=3e-3)


def test_distance_closed_forms() -> None:
    assert van_rossum_distance(train(5), train(), 10e-3)[0, 0] == pytest.approx(np.sqrt(0.5))
    for gap in (1, 7, 60):
        expected = np.sqrt(1 - np.exp(-gap * DT / 10e-3))
        assert van_rossum_distance(train(5), train(5 + gap), 10e-3)[0, 0] == pytest.approx(expected)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
@settings(max_examples=40, deadline=None)
def test_distance_is_the_integral_of_the_filtered_difference(a: set[int], b: set[int]) -> None:
    tau, fine = 10e-3, 1e-5
    t = np.arange(0, 0.061 + 15 * tau, fine) + fine / 2

    def filtered(steps: set[int]) -> np.ndarray:
        traces = (np.where(t >= k * DT, np.exp(-(t - k * DT) / tau), 0.0) for k in steps)
        return sum(traces, np.zeros_like(t))

    integral = np.sqrt(np.sum((filtered(a) - filtered(b)) ** 2) * fine / tau)
    # the midpoint rule errs by about (fine / tau)^2 and the tail by exp(-30)
    assert van_rossum_distance(train(*a), train(*b), tau)[0, 0] == pytest.approx(integral, abs=1e-5)


def test_distance_refuses_runs_that_cannot_be_compared() -> None:
    with pytest.raises(ShapeError):
        van_rossum_distance(train(1), train(1, dt=2e-3), 1e-2)
    with pytest.raises(DataError):
        van_rossum_distance(train(1), train(1), 0.0)


def test_spike_table() -> None:
    spikes = Spikes([0, 0, 1], [0, 5, 3], [1, 1, 2], shape=4, dt=DT, steps=100, samples=2)
    (row,) = spike_table({"hidden": spikes})
    assert row == {
        "population": "hidden",
        "neurons": 4,
        "spikes_per_sample": 1.5,
        "rate": 3.75,
        "silent": 0.5,
    }
