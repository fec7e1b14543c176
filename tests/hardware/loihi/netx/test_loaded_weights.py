from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from neurosim.hardware.loihi.netx.loaded_weights import loaded_weights

# What lava-dl 0.6.0 and Lava 0.10 deliver of each synapse by itself, recorded.
SEEN = [
    ([-64], [0]),
    ([-1], [0]),
    ([-64, 0], [-32, 0]),
    ([-64, -1], [-63, -1]),
    ([-256, -8], [-248, -8]),
    ([-300, -8], [0, 0]),
    ([300, 1], [0, 0]),
    ([255, 3], [255, 3]),
    ([255, -3, -300], [254, -3, -256]),
]


@pytest.mark.parametrize(("stored", "delivered"), SEEN)
def test_what_was_seen(stored, delivered):
    (held,), exponent = loaded_weights([np.array([stored])])
    assert (held[0] >> -exponent).tolist() == delivered


def test_a_sum_is_rounded_down_where_the_exponent_stays():
    """-64 with -1 and 0: held as -254 / 4, so that one of them alone still comes out as -64, and two as -127."""
    (held,), exponent = loaded_weights([np.array([[-64, -64, -1, 0]])])
    assert (held.tolist(), exponent) == ([[-254, -254, -4, 0]], -2)


@given(arrays.arrays(np.int64, (3, 4), elements=st.integers(-128, 127)))
def test_even_weights_of_both_signs_arrive(half):
    weight = 2 * half
    weight[0, :2] = 2, -2
    (held,), exponent = loaded_weights([weight])
    assert exponent == 0
    assert np.array_equal(held, weight)


@given(arrays.arrays(np.int64, (3, 4), elements=st.integers(0, 255)))
def test_positive_weights_arrive(weight):
    if weight.any():
        (held,), exponent = loaded_weights([weight])
        assert exponent == 0
        assert np.array_equal(held, weight)


def test_matrices_that_share_an_exponent():
    """One half is positive, and loses all where odd weights of both signs fill the range of the other."""
    forward, back = loaded_weights([np.array([[3, 5]]), np.array([[-255, 7]])])[0]
    assert forward.tolist() == [[0, 0]]
    assert back.tolist() == [[-255, 7]]


def test_zeros_alone_are_what_the_loader_fails_on():
    with pytest.raises(ZeroDivisionError):
        loaded_weights([np.zeros((2, 2), np.int64)])
