"""Kernels of drives against their definition in NumPy, against cutting, and against the distributions they promise.

Statistical tests have fixed seeds, so they pass always or never; each says how likely a correct kernel would have been
to fail when the seed was chosen.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

import neurosim as ns
from neurosim import random
from neurosim.engine.ops.drive_kernels import poisson_table, prepare
from neurosim.engine.ops.drive_reference import added
from neurosim.errors import DescriptionError, ShapeError, TimeGridError, UnsupportedError
from neurosim.sources.drive import Drive

DT = 1e-3
KEY = random.key(7, "drive", "drive->neurons")
N = 100
RAMP = np.linspace(0.0, 1.0, N)

DRIVES = {
    "poisson": ns.PoissonDrive(rate=2000.0, weight=0.1),
    "weights": ns.PoissonDrive(rate=30.0, weight=RAMP),
    "rates": ns.PoissonDrive(rate=5000.0 * RAMP, weight=RAMP),
    "many arrivals": ns.PoissonDrive(rate=1.5e6, weight=-2.0),
    "many arrivals each": ns.PoissonDrive(rate=6e4 * RAMP),
    "noise": ns.NoiseDrive(mean=3.0, std=2.0),
    "noises": ns.NoiseDrive(mean=RAMP, std=RAMP),
    "noise current": ns.NoiseCurrent(mean=1.0, std=2.0, every=3e-3, start=4e-3, stop=9e-3),
    "values": ns.CurrentDrive(values=np.arange(3.0), every=2e-3, start=1e-3, ending=ns.Ending.REPEAT),
    "held": ns.CurrentDrive(values=np.arange(4.0), ending=ns.Ending.HOLD),
    "values each": ns.CurrentDrive(values=np.outer([1.0, 2.0, 5.0], RAMP), every=3e-3),
    "step": ns.StepCurrent(amplitude=RAMP, start=3e-3, stop=6e-3),
    "sine": ns.SineCurrent(amplitude=2.0, frequency=40.0, phase=0.5, offset=1.0, start=2e-3),
    "sines": ns.SineCurrent(amplitude=RAMP, frequency=100.0 * RAMP, stop=8e-3),
}


def run(
    drive: Drive,
    step: int,
    sample: int = 0,
    low: int = 0,
    high: int = N,
    dtype: Any = np.float64,
    n: int = N,
    dt: float = DT,
) -> np.ndarray:
    prepared = prepare(drive, (n,), dt, KEY, dtype)
    x = np.zeros(high - low, dtype)
    prepared.add(x, low, high, step, sample, *prepared.arrays)
    return x


@pytest.mark.parametrize("name", DRIVES)
def test_kernel_is_its_definition(name: str) -> None:
    """Bit for bit; 4 ulp for the sine, which is the platform's."""
    drive = DRIVES[name]
    for step, sample in (*((k, 0) for k in range(10)), (2**33 + 5, 3)):
        found, expected = run(drive, step, sample), added(drive, (N,), DT, KEY, step, sample)
        tolerance = 4e-15 if name.startswith("sine") else 0.0
        assert np.allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["poisson", "rates", "noises", "values each"])
def test_kernel_is_its_definition_in_single_precision(name: str) -> None:
    for step in range(3):
        found = run(DRIVES[name], step, dtype=np.float32)
        assert found.dtype == np.float32
        assert np.array_equal(found, added(DRIVES[name], (N,), DT, KEY, step, dtype=np.float32))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(DRIVES)),
    step=st.integers(0, 2**40),
    sample=st.integers(0, 2**31 - 1),
    cuts=st.lists(st.integers(0, N), max_size=4),
)
def test_parts_are_the_whole(name: str, step: int, sample: int, cuts: list[int]) -> None:
    edges = sorted({0, N, *cuts})
    parts = [run(DRIVES[name], step, sample, a, b) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts), run(DRIVES[name], step, sample))


def test_equal_rates_of_every_neuron_are_one_rate() -> None:
    each = ns.PoissonDrive(rate=np.full(N, 2000.0), weight=np.full(N, 0.1))
    assert np.array_equal(run(each, 3), run(DRIVES["poisson"], 3))


@pytest.mark.parametrize("mean", [0.002, 2.0, 70.0, 3000.0])
@pytest.mark.parametrize("each", [False, True])
def test_counts_are_poisson(mean: float, each: bool) -> None:
    """Chi-square of 128,000 counts, in bins of at least 10 expected: fails a correct kernel with probability 1e-4."""
    n = 6400
    if each and mean > 1000:
        n = 640
    drive = ns.PoissonDrive(rate=np.full(n, mean / DT) if each else mean / DT)
    prepared = prepare(drive, (n,), DT, KEY, np.float64)
    counts = np.zeros((20, n))
    for step in range(20):
        prepared.add(counts[step], 0, n, step, 0, *prepared.arrays)
    total = counts.size
    edges = np.unique(stats.poisson.ppf(np.linspace(0, 1, 30)[1:-1], mean))
    cdf = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    found = np.diff(np.concatenate([[0], np.sort(counts.ravel()).searchsorted(edges, "right"), [total]]))
    expected = total * np.diff(cdf)
    assert expected.min() > 10
    assert stats.chisquare(found, expected).pvalue > 1e-4
    assert abs(counts.mean() - mean) < stats.norm.isf(5e-5) * np.sqrt(mean / total)


@pytest.mark.parametrize("mean", [1e-6, 0.002, 2.0, 70.0, 1000.0])
def test_table_has_the_probabilities(mean: float) -> None:
    """Against scipy: every P(N > k) to 2^-32, also where the table says 0 or 1."""
    least, thresholds = poisson_table(mean)
    k = np.arange(least + len(thresholds) + 5)
    exceeds = np.ones(len(k))
    above = 1.0 - (thresholds.astype(float) + 1.0) / 2.0**32
    exceeds[least : least + len(above)] = above
    exceeds[least + len(above) :] = 0.0
    assert np.abs(exceeds - stats.poisson.sf(k, mean)).max() <= 2.0**-32


def test_no_number_is_used_twice() -> None:
    """Correlations of 64,000 noises over neighbours in steps, neurons, groups and samples: 5 tests, each failing a
    correct kernel with probability 1e-4."""
    drive, n = ns.NoiseDrive(std=1.0 / np.sqrt(DT)), 640
    x = np.array([[run(drive, k, s, high=n, n=n) for k in range(100)] for s in range(2)])
    for a, b in (
        (x[0, 1:], x[0, :-1]), (x[0, :, 1:], x[0, :, :-1]), (x[0, :, 32:], x[0, :, :-32]),
        (x[0, :, 64:], x[0, :, :-64]), (x[0], x[1]),
    ):  # fmt: skip
        assert abs((a * b).mean()) < stats.norm.isf(5e-5) / np.sqrt(a.size)


@pytest.mark.parametrize(
    ("drive", "error", "what"),
    [
        (lambda: ns.PoissonDrive(rate=np.ones(3)), ShapeError, "rate"),
        (lambda: ns.PoissonDrive(rate=1e9), DescriptionError, "arrivals"),
        (lambda: ns.NoiseDrive(std=np.ones((2, 2))), ShapeError, "std"),
        (lambda: ns.CurrentDrive(values=1.0), ShapeError, "values"),
        (lambda: ns.CurrentDrive(values=np.ones((5, 3))), ShapeError, "values"),
        (lambda: ns.CurrentDrive(values=np.ones(5), every=1.5e-3), TimeGridError, "every"),
        (lambda: ns.CurrentDrive(values=np.ones(5), every=1e-4), TimeGridError, "every"),
        (lambda: ns.StepCurrent(amplitude=1.0, start=2e-3, stop=1e-3), DescriptionError, "ends"),
        (lambda: ns.SineCurrent(amplitude=1.0, frequency=1.0, start=1.5e-3), TimeGridError, "start"),
        (lambda: ns.NoiseCurrent(std=1.0, every=0.5e-3), TimeGridError, "every"),
        (lambda: ns.PoissonDrive(rate=-1.0), DescriptionError, "rate"),
    ],
)
def test_misfits_are_refused(drive: Any, error: type[Exception], what: str) -> None:
    net = ns.Network(dt=DT)
    net.population("neurons", 5, ns.LIF())
    with pytest.raises(error, match=what):
        net.drive("neurons", drive())


class Unknown(Drive):
    pass


def test_a_drive_without_a_kernel_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Unknown"):
        prepare(Unknown(), (1,), DT, KEY, np.float64)
