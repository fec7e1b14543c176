import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.compiler.partition import even_slices, slices_within


@given(st.integers(1, 5000), st.integers(1, 300))
def test_even_slices_cover_and_balance(size: int, limit: int) -> None:
    slices = even_slices(size, limit)
    assert [i for s in slices for i in s] == list(range(size))
    sizes = [len(s) for s in slices]
    assert max(sizes) <= limit
    assert max(sizes) - min(sizes) <= 1
    assert len(slices) == -(-size // limit)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.integers(10, 40), st.integers(1, 8))
def test_slices_stay_within_every_limit_and_are_maximal(costs: list[int], memory: int, neurons: int) -> None:
    c = np.array(costs, float)
    slices = slices_within(
        {"memory": c, "neurons": np.ones(len(c))}, {"memory": memory, "neurons": neurons}, "p"
    )
    assert [i for s in slices for i in s] == list(range(len(c)))
    for s, following in zip(slices, [*slices[1:], None], strict=True):
        assert c[list(s)].sum() <= memory
        assert len(s) <= neurons
        if following is not None:  # greedy: the next neuron would not have fitted
            assert c[list(s)].sum() + c[following[0]] > memory or len(s) == neurons


def test_a_neuron_over_the_limit_is_named() -> None:
    with pytest.raises(CapacityError, match=r"neuron 1: one neuron needs more memory"):
        slices_within({"memory": np.array([1.0, 99.0])}, {"memory": 10}, "population 'p'")
