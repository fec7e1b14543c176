import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import chi2

from neurosim.connectivity import Ends, SmallWorld
from neurosim.errors import DescriptionError, ShapeError

ALARM = 1e-6


def targets(n: int, k: int, rewire: float, key: int = 3) -> np.ndarray:
    drawn = SmallWorld(k, rewire).pattern(Ends((n,), (n,), True), key)
    assert np.array_equal(drawn.row_start, np.arange(n + 1) * k)
    return drawn.target.astype(int).reshape(n, k)


def test_without_rewiring_it_is_the_ring() -> None:
    expected = [sorted((i + d) % 9 for d in (-2, -1, 1, 2)) for i in range(9)]
    assert targets(9, 4, 0.0).tolist() == expected


@given(n=st.integers(3, 30), half=st.integers(0, 14), rewire=st.floats(0, 1), key=st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_every_neuron_has_k_different_targets_other_than_itself(
    n: int, half: int, rewire: float, key: int
) -> None:
    k = 2 * min(half, (n - 1) // 2)
    found = targets(n, k, rewire, key)
    assert (np.diff(found, axis=1) > 0).all()
    assert not (found == np.arange(n)[:, None]).any()
    assert found.max(initial=0) < n


def test_the_share_that_moved_and_where_it_went() -> None:
    """rewire = 0.3 of 10 of 2000: binomial; the new places are equally likely. Each bound fails once in 10^6 seeds."""
    n, k, p = 2000, 10, 0.3
    distance = (targets(n, k, p) - np.arange(n)[:, None]) % n
    far = distance[(distance > 5) & (distance < n - 5)]
    # a moved synapse never lands on a neighbour that is still taken; on one that has moved, with odds below 5 / 2000
    assert abs(len(far) - n * k * p) < 4.9 * np.sqrt(n * k * p * (1 - p)) + n * k * p * 5 / n
    observed = np.histogram(far, 20, (5.5, n - 5.5))[0]
    statistic = ((observed - len(far) / 20) ** 2 / (len(far) / 20)).sum()
    assert chi2.ppf(ALARM / 2, 19) < statistic < chi2.isf(ALARM / 2, 19)


@pytest.mark.parametrize("k", [3, -2, 2.0, True])
def test_k_is_even(k: object) -> None:
    with pytest.raises(DescriptionError, match="even"):
        SmallWorld(k, 0.1)  # type: ignore[arg-type]


def test_populations_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="equal size"):
        SmallWorld(2, 0.1).check(Ends((5,), (6,)), "here")
    with pytest.raises(DescriptionError, match="neighbours"):
        SmallWorld(6, 0.1).check(Ends((6,), (6,)), "here")
