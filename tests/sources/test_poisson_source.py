"""Poisson sources. Statistical tests have fixed seeds, so they pass always or never; each says how likely a correct
source would have been to fail when the seed was chosen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

import neurosim as ns
from neurosim import random
from neurosim.cell_random import cell_words
from neurosim.errors import DescriptionError, ShapeError, TimeGridError
from neurosim.sources.source import Source

DT = 1e-3
KEY = random.key(0, "source", "noise")
RAMP = np.linspace(0.0, 1.0, 70)

SOURCES = {
    "poisson": ns.PoissonSource(rate=100.0),
    "rates": ns.PoissonSource(rate=200.0 * RAMP),
    "merged": ns.PoissonSource(rate=1500.0, binning=ns.Binning.MERGE),
    "many": ns.PoissonSource(rate=4e4),
    "schedule": ns.RateSchedule(
        rates=np.array([50.0, 0.0, 300.0]), every=7e-3, start=5e-3, ending=ns.Ending.REPEAT
    ),
    "schedule each": ns.RateSchedule(
        rates=np.outer([1.0, 3.0], 100.0 * RAMP), every=10e-3, ending=ns.Ending.HOLD
    ),
    "ends": ns.RateSchedule(rates=np.array([500.0]), every=20e-3),
}


def draw(source: Source, first: int, stop: int, samples: range = range(1), n: int = 70) -> ns.Spikes:
    source.check((n,), DT, "input 'noise'")
    return source.spikes((n,), DT, first, stop, samples, KEY)


def mean_of(source: Any, step: int) -> np.ndarray:
    if isinstance(source, ns.PoissonSource):
        return np.broadcast_to(np.asarray(source.rate) * DT, 70)
    at = (step - round(source.start / DT)) // round(source.every / DT)
    if source.ending is ns.Ending.REPEAT:
        at = at % len(source.rates) if at >= 0 else at
    elif source.ending is ns.Ending.HOLD:
        at = min(at, len(source.rates) - 1)
    return np.broadcast_to(source.rates[at] * DT if 0 <= at < len(source.rates) else 0.0, 70)


@pytest.mark.parametrize("name", SOURCES)
def test_counts_are_the_inverse_of_the_words(name: str) -> None:
    """The definition, with scipy's distribution: the least k with word < round(2^32 P(N <= k)), summed over draws."""
    source = SOURCES[name]
    dense = draw(source, 0, 40, range(2, 4)).dense()
    draws = 3 if name == "many" else 1  # a mean of 40, at most 16 a draw
    for step, sample in ((0, 2), (8, 2), (22, 3), (39, 3)):
        mean = mean_of(source, step) / draws
        expected = np.zeros(70, np.int64)
        for lane in range(draws):
            word = cell_words(KEY, sample, step, np.arange(70), lane)
            table = np.floor(stats.poisson.cdf(np.arange(60)[:, None], mean) * 2.0**32 + 0.5)
            expected += (word >= table).sum(0)
        if name == "merged":
            expected = np.minimum(expected, 1)
        assert np.array_equal(dense[step, sample - 2], expected)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(SOURCES)),
    first=st.one_of(st.integers(0, 50), st.integers(2**33, 2**34)),
    cuts=st.lists(st.integers(0, 60), max_size=3),
    samples=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_any_cutting_gives_the_same_train(
    name: str, first: int, cuts: list[int], samples: tuple[int, int]
) -> None:
    edges = sorted({0, 60, *cuts})
    whole = draw(SOURCES[name], first, first + 60, range(4)).dense()
    begin, end = sorted(samples)
    parts = [
        draw(SOURCES[name], first + a, first + b, range(begin, end + 1)).dense() for a, b in pairwise(edges)
    ]
    assert np.array_equal(np.concatenate(parts), whole[:, begin : end + 1])


@pytest.mark.parametrize("rate", [2.0, 100.0, 5000.0])
def test_spikes_are_poisson(rate: float) -> None:
    """Counts of 2000 channels in 100 steps: mean, and dispersion by chi-square; 2 tests, each failing a correct source
    with probability 1e-4."""
    counts = draw(ns.PoissonSource(rate=rate), 0, 100, n=2000).counts()[0]
    mean = 100 * rate * DT
    assert abs(counts.mean() - mean) < stats.norm.isf(5e-5) * np.sqrt(mean / 2000)
    dispersion = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    assert 5e-5 < stats.chi2.sf(dispersion, 1999) < 1 - 5e-5


def test_intervals_are_exponential() -> None:
    """One channel for 20,000 steps at 50 Hz: intervals are geometric, close to exponential; Kolmogorov-Smirnov with the
    grid smoothed by a uniform fails a correct source with probability 1e-4."""
    train = draw(ns.PoissonSource(rate=50.0, binning=ns.Binning.MERGE), 0, 20_000, n=1)
    p = -np.expm1(-50.0 * DT)
    intervals = np.diff(train.step)
    u = stats.geom.sf(intervals - 1, p) - p * (1 - p) ** (intervals - 1) * np.random.default_rng(0).random(
        len(intervals)
    )
    assert stats.kstest(u, "uniform").pvalue > 1e-4


def test_no_count_exceeds_the_bound() -> None:
    for source in SOURCES.values():
        count = draw(source, 0, 500).count
        assert (1 if count is None else count.max()) <= source.most(DT)
    assert ns.PoissonSource(rate=1000.0, binning=ns.Binning.MERGE).most(DT) == 1


@pytest.mark.parametrize(
    ("source", "error", "what"),
    [
        (lambda: ns.PoissonSource(rate=np.ones(3)), ShapeError, "rate"),
        (lambda: ns.PoissonSource(rate=1e7), DescriptionError, "too many"),
        (lambda: ns.PoissonSource(rate=-1.0), DescriptionError, "rate"),
        (lambda: ns.RateSchedule(rates=5.0, every=1e-3), ShapeError, "rates"),
        (lambda: ns.RateSchedule(rates=np.ones((4, 3)), every=1e-3), ShapeError, "rates"),
        (lambda: ns.RateSchedule(rates=np.ones(4), every=1.5e-3), TimeGridError, "every"),
        (lambda: ns.RateSchedule(rates=np.ones(4), every=1e-3, start=1e-4), TimeGridError, "start"),
    ],
)
def test_misfits_are_refused(source: Any, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        ns.Network(dt=DT).input("noise", 70, source=source())
