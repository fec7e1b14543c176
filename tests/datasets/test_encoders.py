from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.datasets.encoders import latency, poisson
from neurosim.errors import DataError, ShapeError
from neurosim.spikes import Binning

VALUES = np.linspace(0, 1, 11)[None].repeat(40, axis=0)  # 40 samples of 11 values


def test_merged_poisson_spikes_are_binomial() -> None:
    """n = 40 samples x 500 steps each with p = 1 - exp(-v rate dt); mean within 4 standard deviations, 11 values."""
    spikes = poisson(VALUES, rate=200.0, steps=500, dt=1e-3)
    assert spikes.count is None
    p = 1 - np.exp(-VALUES[0] * 0.2)
    n = 40 * 500
    counts = spikes.counts().sum(axis=0)
    assert (np.abs(counts - n * p) <= 4 * np.sqrt(n * p * (1 - p))).all()
    assert counts[0] == 0
    variance = spikes.counts()[:, 10].var(ddof=1) / (500 * p[10] * (1 - p[10]))
    assert abs(variance - 1) < 4 * math.sqrt(2 / 39)


def test_counted_poisson_spikes_have_poisson_counts() -> None:
    """Mean 1.5 a step: counts 0 to 5 against their probabilities, 4 standard deviations each."""
    x = poisson(np.ones((2, 50)), rate=1500.0, steps=200, dt=1e-3, binning=Binning.COUNT).dense(np.int64)
    n = x.size
    for k in range(6):
        p = math.exp(-1.5) * 1.5**k / math.factorial(k)
        assert abs((x == k).sum() - n * p) < 4 * math.sqrt(n * p * (1 - p))
    assert x.mean() == pytest.approx(1.5, abs=4 * math.sqrt(1.5 / n))


def test_a_sample_is_the_same_in_any_batch() -> None:
    options = {"rate": 300.0, "steps": 50, "dt": 1e-3, "seed": 7}
    batch = poisson(VALUES, **options)  # type: ignore[arg-type]
    assert poisson(VALUES[3:5], first=3, **options) == batch.select([3, 4])  # type: ignore[arg-type]
    assert batch.select([0]) != batch.select([1])
    assert poisson(VALUES, **options | {"seed": 8}) != batch  # type: ignore[arg-type]


def test_shape_of_a_sample_is_kept() -> None:
    assert poisson(np.zeros((2, 3, 4)), rate=1.0, steps=5, dt=1e-3).shape == (3, 4)
    assert latency(np.zeros((2, 3, 4)), steps=5, dt=1e-3).shape == (3, 4)


def test_latency_is_linear_in_the_value() -> None:
    spikes = latency(VALUES[:2], steps=11, dt=1e-3)
    expected = [(10 - i) for i in range(1, 11)]  # v = i/10 spikes at step 10 (1 - v); v = 0 is silent
    for sample in range(2):
        mine = spikes.select([sample])
        assert mine.step[np.argsort(mine.neuron)].tolist() == expected
    assert len(latency(VALUES[:1], steps=11, dt=1e-3, silent=0.55)) == 5


def test_latency_rounds_halves_up() -> None:
    assert latency([[0.75, 0.25]], steps=3, dt=1e-3).step.tolist() == [1, 2]


@pytest.mark.parametrize("values", [[[1.1]], [[-0.1]], [[np.nan]]])
def test_refuses_values_outside_their_range(values: list[list[float]]) -> None:
    for encode in (
        lambda: poisson(values, rate=1.0, steps=1, dt=1.0),
        lambda: latency(values, steps=1, dt=1.0),
    ):
        with pytest.raises(DataError, match="outside"):
            encode()


def test_refuses_grids_and_rates() -> None:
    with pytest.raises(ShapeError):
        latency([0.5], steps=3, dt=1e-3)
    for options in ({"steps": 0}, {"dt": 0.0}, {"rate": -1.0}, {"rate": math.inf}):
        with pytest.raises(DataError):
            poisson([[0.5]], **{"rate": 1.0, "steps": 3, "dt": 1e-3} | options)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="too many"):
        poisson([[1.0]], rate=1e6, steps=1, dt=1e-3, binning=Binning.COUNT)
