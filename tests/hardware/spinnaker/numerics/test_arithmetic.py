"""Fixed-point words against exact rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.numerics import arithmetic as a

word = st.integers(-(2**31), 2**31 - 1)
fraction = st.integers(0, 2**32 - 1)


@given(st.integers(-(2**62), 2**62))
def test_wrap_is_modulo(x):
    assert (a.wrap(x) - x) % 2**32 == 0
    assert -(2**31) <= a.wrap(x) < 2**31
    assert bool(a.wraps(x)) == (a.wrap(x) != x)


@given(word, word)
def test_products_are_floored(x, y):
    assert a.multiply(x, y) == math.floor(Fraction(x, 2**15) * Fraction(y, 2**15) * 2**15)
    assert int(a.multiply(np.int64(x), np.int64(y))) == a.multiply(x, y)  # no overflow in 64 bits


@given(word, fraction)
def test_decay_is_floored_and_fits(x, u):
    assert a.decay(x, u) == math.floor(Fraction(x) * Fraction(u, 2**32))
    assert int(a.decay(np.int64(x), np.int64(u))) == a.decay(x, u)
    assert not a.wraps(a.decay(x, u))


@given(st.integers(0, 2**31 - 1))
def test_ceiling(x):
    assert a.ceil_accum(x) == math.ceil(Fraction(x, 2**15))


def test_host_rounds_half_to_even():
    assert a.accum(np.array([0.5, 1.5, 2.5, -0.5]) / 32768).tolist() == [0, 2, 2, 0]


@pytest.mark.parametrize("value", [65536.0, -65536.1, np.nan, np.inf])
def test_out_of_range_is_refused(value):
    with pytest.raises(CapacityError, match="population 'a'"):
        a.accum(value, where="population 'a'")


def test_ends_of_the_range():
    assert a.accum(-65536.0) == -(2**31)
    assert a.accum(65536.0 - 2**-15) == 2**31 - 1
