"""Draws against SciPy's distributions: Kolmogorov-Smirnov on 100,000 draws, one false alarm in a million seeds."""

import numpy as np
import pytest
from scipy import stats

from neurosim import random
from neurosim.connectivity import Distribution, LogNormal, Normal, Uniform
from neurosim.errors import DescriptionError

INDEX = np.arange(100_000)


@pytest.mark.parametrize(
    ("distribution", "law"),
    [
        (Normal(0.3, 0.1), stats.norm(0.3, 0.1)),
        (Normal(0.3, 0.1, low=0.0), stats.truncnorm(-3.0, np.inf, 0.3, 0.1)),
        (Normal(0.0, 2.0, low=1.0, high=5.0), stats.truncnorm(0.5, 2.5, 0.0, 2.0)),
        (LogNormal(0.4, 0.7), stats.lognorm(0.7, scale=0.4)),
        (Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    ],
    ids=["normal", "bounded below", "bounded", "log-normal", "uniform"],
)
def test_draws_follow_the_law(distribution: Distribution, law: object) -> None:
    drawn = distribution.sample(random.key(1, "weight", "a"), INDEX)
    assert stats.kstest(drawn, law.cdf).pvalue > 1e-6  # type: ignore[attr-defined]


@pytest.mark.parametrize("distribution", [Normal(0, 1, low=0.5), LogNormal(1, 1), Uniform(0, 1)], ids=str)
def test_a_draw_depends_on_key_and_index_alone(distribution: Distribution) -> None:
    whole = distribution.sample(7, INDEX)
    some = np.array([5, 99_999, 12, 0])
    assert np.array_equal(distribution.sample(7, some), whole[some])
    assert abs(np.corrcoef(whole, distribution.sample(8, INDEX))[0, 1]) < 5 / np.sqrt(len(INDEX))


def test_bounds_hold_and_must_leave_something() -> None:
    drawn = Normal(1.5e-3, 0.75e-3, low=1e-4, high=3e-3).sample(1, INDEX)
    assert 1e-4 <= drawn.min() < drawn.max() <= 3e-3
    assert (Normal(2.0, 0.0, low=2.0, high=2.0).sample(1, INDEX) == 2.0).all()
    for bounds in ({"low": 5.0}, {"high": -5.0}, {"low": 1.0, "high": 0.0}, {"low": 1.0, "high": 1.0}):
        with pytest.raises(DescriptionError, match="too little"):
            Normal(0.0, 1.0, **bounds)
    with pytest.raises(DescriptionError, match="too little"):
        Normal(0.0, 0.0, low=1.0)
    with pytest.raises(DescriptionError, match=r"Normal\.low"):
        Normal(0.0, 1.0, low=float("nan"))
