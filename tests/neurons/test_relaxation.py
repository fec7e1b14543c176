"""1 - exp(-x) against the library's expm1."""

import math

import pytest
from hypothesis import given, strategies as st

from neurosim.neurons.relaxation import relaxation


@given(st.floats(0.0, 1e6) | st.floats(0.0, 1.0) | st.floats(0.0, 1e-6))
def test_it_is_exact_to_a_few_units_in_the_last_place(x: float) -> None:
    assert relaxation(x) == pytest.approx(
        -math.expm1(-x), rel=8e-16, abs=1e-320
    )  # below, numbers lose digits
    assert 0.0 <= relaxation(x) <= 1.0


def test_its_ends() -> None:
    assert relaxation(0.0) == 0.0
    assert relaxation(1e300) == 1.0
    assert relaxation(math.inf) == 1.0
    assert math.isnan(relaxation(math.nan))
