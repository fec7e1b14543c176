"""Against the exp and expm1 of the C library."""

import math

import pytest
from hypothesis import given, strategies as st

from neurosim.neurons.exponential import exponential, relaxation


@given(st.floats(0.0, 1e6) | st.floats(0.0, 1.0) | st.floats(0.0, 1e-6))
def test_relaxation_is_exact_to_a_few_units_in_the_last_place(x: float) -> None:
    assert relaxation(x) == pytest.approx(
        -math.expm1(-x), rel=8e-16, abs=1e-320
    )  # below, numbers lose digits
    assert 0.0 <= relaxation(x) <= 1.0


@given(st.floats(-1e6, 100.0) | st.floats(-1.0, 1.0))
def test_exponential_keeps_its_bounds(x: float) -> None:
    exact = math.exp(x)
    bound = 4e-16 if x < 0.0 else (1e-15 + 1e-15 * x) * exact
    assert abs(exponential(x) - exact) <= bound


def test_ends_and_overflow() -> None:
    assert exponential(0.0) == 1.0
    assert exponential(-math.inf) == 0.0
    assert exponential(700.0) == pytest.approx(math.exp(700.0), rel=1e-7)
    assert exponential(1e4) == math.inf
    assert math.isnan(exponential(math.nan))
    assert relaxation(0.0) == 0.0
    assert relaxation(1e300) == 1.0
    assert relaxation(math.inf) == 1.0
    assert math.isnan(relaxation(math.nan))
