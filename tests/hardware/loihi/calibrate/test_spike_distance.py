from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.hardware.loihi.calibrate.spike_distance import TAU, spike_distance
from neurosim.spikes import Spikes


def spikes(dense):
    return Spikes.from_dense(np.asarray(dense, np.uint8), dt=1e-3)


def filtered(a, b, tau=TAU, tail=400):
    """The definition: both trains through exp(-t/tau), the squared difference summed; a lone spike counts one."""
    steps, samples, n = a.shape
    difference = np.zeros((steps + tail, samples, n))
    difference[:steps] = a.astype(float) - b
    keep, x, total = np.exp(-1 / tau), np.zeros((samples, n)), 0.0
    for row in difference:
        x = x * keep + row
        total += float(np.sum(x**2))
    return total * (1 - keep**2)


@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.2, 0.7]), st.sampled_from([1.0, 5.0]))
def test_is_the_distance_of_filtered_trains(seed, rate, tau):
    rng = np.random.default_rng(seed)
    a, b = (rng.random((30, 2, 3)) < rate for _ in range(2))
    b[:10] = a[:10]
    assert spike_distance(spikes(a), spikes(b), tau) == pytest.approx(filtered(a, b, tau), rel=1e-4, abs=1e-4)


def test_time_counts_and_not_the_number_alone():
    a, near, far = (np.zeros((100, 1, 1)) for _ in range(3))
    a[50], near[51], far[90] = 1, 1, 1
    assert spike_distance(spikes(a), spikes(a)) == 0.0
    assert spike_distance(spikes(near), spikes(a)) == pytest.approx(2 * (1 - np.exp(-1 / TAU)))
    assert spike_distance(spikes(far), spikes(a)) == pytest.approx(2.0, abs=1e-3)
    assert spike_distance(spikes(a * 0), spikes(a)) == 1.0
